// SPDX-License-Identifier: MPL-2.0
//! What setting a property entails, where that is more than to keep its value. Whatever takes time is done here, by the
//! thread that sets the property, so that the streaming thread finds it done.

use std::sync::Arc;

use gst_video::VideoOrientationMethod;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;
use porthole_painter::{FontChoice, masks, parse_time, time_zone};

use super::imp::PortholeOverlay;
use super::settings::{self, Parsed, Problem, Settings};
use crate::events::turn::Turn;
use crate::lock::lock;

impl PortholeOverlay {
    /// Whether the element is between start and stop. Before, nobody has to be told or asked: start() does it.
    fn is_started(&self) -> bool {
        lock(&self.state).is_some()
    }

    /// Keeps a text and what it means; says what is wrong with it, if anything.
    fn understand<T>(
        &self,
        property: &'static str,
        field: impl FnOnce(&mut Settings) -> &mut Parsed<T>,
        text: Option<String>,
        meaning: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Problem> {
        let result =
            meaning(text.as_deref().unwrap_or("").trim()).map_err(|why| Problem { property, why });
        let problem = result.as_ref().err().cloned();
        self.settings
            .change(|settings| field(settings).take(text, result));
        problem
    }

    fn warn_of(&self, problem: Option<Problem>) {
        if let Some(Problem { property, why }) = problem.filter(|_| self.is_started()) {
            self.warn(&format!("The property {property} stays as it was: {why}"));
        }
    }

    pub(super) fn set_direction(&self, direction: VideoOrientationMethod) {
        self.settings
            .change(|settings| settings.direction = direction);
        if self.is_started() {
            self.ask_upstream();
        }
    }

    pub(super) fn set_text(&self, text: Option<String>) {
        self.settings.change(|settings| settings.text = text);
        self.find_glyphs();
    }

    pub(super) fn set_font(&self, text: Option<String>) {
        let find = |text: &str| FontChoice::find(text).map_err(|e| e.to_string());
        let problem = self.understand("font", |settings| &mut settings.font, text, find);
        self.find_glyphs();
        self.warn_of(problem);
    }

    pub(super) fn set_time_zone(&self, text: Option<String>) {
        let find = |text: &str| time_zone(text).map_err(|e| e.to_string());
        self.warn_of(self.understand("time-zone", |settings| &mut settings.zone, text, find));
    }

    pub(super) fn set_time(&self, text: Option<String>) {
        let parse = |text: &str| match text {
            "" => Ok(None),
            text => parse_time(text).map(Some).map_err(|e| e.to_string()),
        };
        self.warn_of(self.understand("time", |settings| &mut settings.time, text, parse));
    }

    pub(super) fn set_image(&self, path: Option<String>) {
        let load = settings::load;
        let problem = self.understand("image", |settings| &mut settings.image, path, load);
        self.scale_image();
        self.warn_of(problem);
    }

    pub(super) fn set_image_size(&self, size: f64) {
        self.settings.change(|settings| settings.image_size = size);
        self.scale_image();
    }

    /// The streaming thread tells of a mask that is not understood, when it comes into effect.
    pub(super) fn set_masks(&self, text: Option<String>) {
        let parse = |text: &str| masks::parse(text).map(Arc::from).map_err(|e| e.to_string());
        let _ = self.understand("masks", |settings| &mut settings.masks, text, parse);
    }

    pub(super) fn set_threads(&self, threads: u32) {
        let pool = settings::pool(threads);
        self.settings.change(|settings| {
            settings.threads = threads;
            settings.pool = pool;
        });
    }

    fn find_glyphs(&self) {
        if self.is_started() {
            self.settings.now().find_glyphs();
        }
    }

    fn scale_image(&self) {
        let format = lock(&self.state)
            .as_ref()
            .and_then(|state| Some(state.format.as_ref()?.output));
        let settings = self.settings.now();
        if let (Some(output), Some(image)) = (format, &settings.image.value) {
            image.at_height(settings.image_height(output.height));
        }
    }

    /// Lets a camera that can turn the picture for nothing know how it is wanted.
    pub(super) fn ask_upstream(&self) {
        let direction = self.settings.now().direction;
        let event = Turn(self.learned().method(direction)).event();
        let _ = self.obj().sink_pad().push_event(event);
    }
}
