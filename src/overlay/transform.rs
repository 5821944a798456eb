// SPDX-License-Identifier: MPL-2.0
//! `portholeoverlay` as a video filter: what base transform asks of it, from start to stop.

use std::sync::Arc;

use gst_base::subclass::BaseTransformMode;
use gst_video::subclass::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};
use jiff::Timestamp;
use porthole_painter::Orientation;

use super::imp::{CAT, PortholeOverlay};
use super::settings::Problem;
use super::state::{Format, State};
use super::{caps, events, metas};
use crate::events::{demand::Demand, turn::Turned};
use crate::lock::lock;

impl BaseTransformImpl for PortholeOverlay {
    const MODE: BaseTransformMode = BaseTransformMode::Both;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings.now();
        if let Some(Problem { property, why }) = settings.problems().next() {
            return Err(gst::error_msg!(
                gst::LibraryError::Settings,
                ("The property {property} is not understood: {why}")
            ));
        }
        settings.find_glyphs();
        let state = State::new(settings, Timestamp::now());
        if let Some(warning) = state.text_warning() {
            self.warn(&warning);
        }
        *lock(&self.state) = Some(state);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        *lock(&self.learned) = Arc::default();
        Ok(())
    }

    fn transform_caps(
        &self,
        _direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let other = caps::transform(caps, self.wanted().transposes());
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&other, gst::CapsIntersectMode::First),
            None => other,
        })
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        use gst::EventView;
        let event = match event.view() {
            EventView::Caps(caps) if caps::is_interlaced(caps.caps()) => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Format,
                    ("Interlaced video is not supported, put a deinterlace element before this one")
                );
                return false;
            }
            EventView::StreamStart(_) => {
                Arc::make_mut(&mut lock(&self.learned)).forget_stream();
                if self.settings.now().direction != gst_video::VideoOrientationMethod::Identity {
                    self.ask_upstream();
                }
                event
            }
            EventView::CustomDownstreamSticky(_) => {
                if let Some(Turned(direction)) = Turned::parse(&event) {
                    Arc::make_mut(&mut lock(&self.learned)).take_turned(direction);
                    return true;
                }
                event
            }
            EventView::Tag(tag) => {
                Arc::make_mut(&mut lock(&self.learned)).take_tags(tag.tag());
                let auto = self.settings.now().direction == gst_video::VideoOrientationMethod::Auto;
                if auto {
                    self.ask_upstream();
                    events::upright(&event, tag.tag())
                } else {
                    event
                }
            }
            _ => event,
        };
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        use gst::EventView;
        let event = match event.view() {
            EventView::CustomUpstream(_) => {
                if let Some(demand) = Demand::parse(&event) {
                    Arc::make_mut(&mut lock(&self.learned)).take_demand(demand);
                }
                event
            }
            EventView::Navigation(_) => {
                let turned = lock(&self.state).as_ref().and_then(|state| {
                    let format = state.format.as_ref()?;
                    Some((state.orientation, format.input.width, format.input.height))
                });
                match turned {
                    Some((orientation, width, height)) => {
                        events::pointer_to_source(event, orientation, (width, height))
                    }
                    None => event,
                }
            }
            _ => event,
        };
        self.parent_src_event(event)
    }

    fn submit_input_buffer(
        &self,
        is_discont: bool,
        inbuf: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if let (Some(state), Some(pts)) = (lock(&self.state).as_mut(), inbuf.pts()) {
            state.rate.push(pts.nseconds());
        }
        self.follow_controllers(&inbuf);
        self.follow_settings();
        // Negotiates, if anything above asked for it.
        let flow = self.parent_submit_input_buffer(is_discont, inbuf)?;
        self.settle_orientation();
        Ok(flow)
    }

    fn transform_meta<'a>(
        &self,
        outbuf: &mut gst::BufferRef,
        meta: gst::MetaRef<'a, gst::Meta>,
        inbuf: &'a gst::BufferRef,
    ) -> bool {
        let turned = match lock(&self.state).as_ref() {
            Some(State {
                format: Some(format),
                orientation,
                ..
            }) if *orientation != Orientation::Identity => Some((*orientation, format.input)),
            _ => None,
        };
        if let Some((orientation, input)) = turned {
            let size = (input.width as u32, input.height as u32);
            if metas::turn(&meta, outbuf, orientation, size) {
                return false;
            }
        }
        self.parent_transform_meta(outbuf, meta, inbuf)
    }
}

impl VideoFilterImpl for PortholeOverlay {
    fn set_info(
        &self,
        _incaps: &gst::Caps,
        input: &VideoInfo,
        _outcaps: &gst::Caps,
        output: &VideoInfo,
    ) -> Result<(), gst::LoggableError> {
        let format = Format::new(input, output)
            .ok_or_else(|| gst::loggable_error!(CAT, "Cannot paint {:?}", output.format()))?;
        if let Some(state) = lock(&self.state).as_mut() {
            state.set_format(format);
        }
        self.settle_orientation();
        Ok(())
    }

    fn transform_frame(
        &self,
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.paint(Some(input), output)
    }

    fn transform_frame_ip(
        &self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.paint(None, frame)
    }
}
