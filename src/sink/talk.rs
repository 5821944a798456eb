// SPDX-License-Identifier: MPL-2.0
//! The pad `talk`, and what the application hears of who speaks.

use std::thread;

use gst::{prelude::*, subclass::prelude::*};

use super::{CAT, imp::PortholeSink, inputs::pads, report, settings::Settings};
use crate::{
    calling::Cue,
    lock::lock,
    talk::{self, Hooks, Report, sounds},
};

/// What there is while the pad is.
pub(super) struct TalkBranch {
    pad: gst::GhostPad,
    source: gst::Element,
}

impl PortholeSink {
    pub(super) fn request_talk(&self) -> Option<gst::Pad> {
        if lock(&self.talk_branch).is_some() {
            gst::warning!(CAT, imp = self, "there is one talk pad, and it is taken");
            return None;
        }
        let template = self.obj().pad_template(pads::TALK)?;
        let source = match self.talk.open(self.talk_hooks()) {
            Ok(source) => source,
            Err(error) => {
                gst::error!(CAT, imp = self, "cannot start a thread for talk: {error}");
                return None;
            }
        };
        let pad = self.lead_out(&template, &source);
        match &pad {
            Some(pad) => {
                *lock(&self.talk_branch) = Some(TalkBranch {
                    pad: pad.clone(),
                    source,
                });
            }
            None => self.take_talk_out(&source),
        }
        pad.map(Cast::upcast)
    }

    fn lead_out(
        &self,
        template: &gst::PadTemplate,
        source: &gst::Element,
    ) -> Option<gst::GhostPad> {
        let obj = self.obj();
        obj.add(source).ok()?;
        let pad = gst::GhostPad::builder_from_template(template)
            .name(pads::TALK)
            .proxy_pad_chain_function(|pad, parent, buffer| {
                match gst::ProxyPad::chain_default(pad, parent, buffer) {
                    // Whoever links it later hears from then on.
                    Err(gst::FlowError::NotLinked) => Ok(gst::FlowSuccess::Ok),
                    other => other,
                }
            })
            .build();
        pad.set_target(Some(&source.static_pad("src")?)).ok()?;
        if obj.current_state() > gst::State::Ready {
            pad.set_active(true).ok()?;
        }
        // Else the end of the stream, sent to the pipeline, would not reach what plays the sound.
        obj.set_element_flags(gst::ElementFlags::SOURCE);
        obj.add_pad(&pad).ok()?;
        source.sync_state_with_parent().ok()?;
        Some(pad)
    }

    pub(super) fn release_talk(&self) {
        let Some(TalkBranch { pad, source }) = lock(&self.talk_branch).take() else {
            return;
        };
        talk::stop(&source, &pad);
        self.take_talk_out(&source);
        let _ = pad.set_active(false);
        let _ = pad.set_target(None::<&gst::Pad>);
        let _ = self.obj().remove_pad(&pad);
    }

    fn take_talk_out(&self, source: &gst::Element) {
        source.set_locked_state(true);
        let _ = source.set_state(gst::State::Null);
        let _ = self.obj().remove(source);
        self.obj().unset_element_flags(gst::ElementFlags::SOURCE);
        self.talk.close();
        self.inputs.duck(false);
    }

    /// Reads the user's own sounds, while everything else starts. Until one is there, and where it is bad, the built-in tone sounds.
    pub(super) fn load_sounds(&self, settings: &Settings) {
        let run = self.talk.forget_sounds();
        let all = [
            (Cue::Ringing, "ring-sound", &settings.ring_sound),
            (Cue::Coming, "coming-sound", &settings.coming_sound),
            (Cue::Nobody, "nobody-sound", &settings.nobody_sound),
        ];
        let set = |(cue, name, value): (Cue, &'static str, &Option<String>)| {
            Some((cue, name, value.clone().filter(|value| !value.is_empty())?))
        };
        let wanted: Vec<_> = all.into_iter().filter_map(set).collect();
        if wanted.is_empty() {
            return;
        }
        let voice = settings.words_voice.clone().unwrap_or_default();
        let (talk, sink) = (self.talk.clone(), self.obj().downgrade());
        let load = move || {
            for (cue, name, value) in wanted {
                match sounds::load(&value, &voice) {
                    Ok(sound) => talk.set_sound(run, cue, sound),
                    Err(error) => {
                        let Some(sink) = sink.upgrade() else { return };
                        gst::element_warning!(
                            sink,
                            gst::ResourceError::Settings,
                            ("{name}={value}: {error}; the built-in tone sounds in its place")
                        );
                    }
                }
            }
        };
        let spawned = thread::Builder::new()
            .name("porthole-sounds".into())
            .spawn(load);
        if let Err(error) = spawned {
            gst::warning!(CAT, imp = self, "no thread to read sounds: {error}");
        }
    }

    fn talk_hooks(&self) -> Hooks {
        let (for_change, for_duck) = (self.obj().downgrade(), self.obj().downgrade());
        Hooks {
            changed: Box::new(move |report| {
                if let Some(sink) = for_change.upgrade() {
                    sink.imp().tell_talk(report);
                }
            }),
            duck: Box::new(move |ducks| {
                if let Some(sink) = for_duck.upgrade() {
                    let imp = sink.imp();
                    let ducks = ducks && imp.settings().talk_ducks;
                    imp.inputs.duck(ducks);
                }
            }),
        }
    }

    fn tell_talk(&self, report: &Report) {
        let user = |session: &String| {
            let sessions = self.sessions()?;
            let mut gate = lock(&sessions);
            Some(gate.session(session)?.user.clone())
        };
        let users = |sessions: &[String]| -> Vec<String> {
            let users = sessions.iter().map(&user);
            users.map(Option::unwrap_or_default).collect()
        };
        let (speakers, waiting) = (users(&report.speakers), users(&report.waiting));
        self.post(report::talk(report, speakers, waiting));
    }
}
