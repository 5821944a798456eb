// SPDX-License-Identifier: MPL-2.0
//! What the application hears on the bus and by signals, and what upstream hears of who watches.

use std::sync::atomic::Ordering::Relaxed;

use gst::{prelude::*, subclass::prelude::*};
use porthole_protocol::wire::Code;

use super::{CAT, imp::PortholeSink, inputs::pads, report};
use crate::{
    events::demand::Demand,
    ladder,
    lock::lock,
    signaller::message::{Event, PublicationState},
};

impl PortholeSink {
    /// What the ladder has to say, from a thread of its own: whoever takes their time over a message holds up no picture.
    pub(super) fn ladder_changed(&self, event: ladder::Event) {
        use ladder::Event as E;
        match event {
            // Said to the inputs at once.
            E::Ready(_) => (),
            E::Moved {
                session,
                rung,
                rendition,
            } => self.post(report::rung(&session, rung, rendition)),
            E::Encoder {
                factory,
                failure,
                next: Some(next),
            } if next == factory => gst::element_imp_warning!(
                self,
                gst::LibraryError::Encode,
                ("encoder {factory}: {failure}; it is the last for this codec and is started anew")
            ),
            E::Encoder {
                factory,
                failure,
                next: Some(next),
            } => gst::element_imp_warning!(
                self,
                gst::LibraryError::Encode,
                ("encoder {factory}: {failure}; {next} goes on in its place")
            ),
            E::Encoder {
                factory, failure, ..
            } => gst::element_imp_error!(
                self,
                gst::LibraryError::Encode,
                ("encoder {factory}: {failure}; there is no other for this codec, choose one with codec")
            ),
            E::NoEncoder(why) => gst::element_imp_error!(
                self,
                gst::StreamError::CodecNotFound,
                (
                    "codec={}: {why}; install its encoder, or choose another codec",
                    self.settings.now().codec
                )
            ),
            E::Overloaded(codec, rendition) => gst::element_imp_warning!(
                self,
                gst::ResourceError::Busy,
                (
                    "this machine is too slow to encode {rendition} with {}: viewers see the next smaller rendition, and it is tried again later; lower the camera's rate or size, or set renditions",
                    codec.name()
                )
            ),
            E::Relieved(codec, rendition) => gst::info!(
                CAT,
                imp = self,
                "{rendition} with {} is tried again",
                codec.name()
            ),
            E::OutOfOrder(pad) => gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                (
                    "pad {}: what comes in encoded has B-frames, which browsers show as a few pictures a second; have its encoder make none (x264enc bframes=0 tune=zerolatency, a camera's baseline profile)",
                    pads::video_name(pad)
                )
            ),
            E::Unreadable(pad, why) => gst::element_imp_warning!(
                self,
                gst::StreamError::Decode,
                (
                    "pad {}: what comes in encoded cannot be read: {why}; viewers have no picture until it can, which is tried again all the time",
                    pads::video_name(pad)
                )
            ),
            E::NoKeyUnit(pad) => gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                (
                    "pad {}: what comes in encoded has no key unit, without which no viewer can begin; have its encoder make one when it is asked to, or every few seconds (x264enc key-int-max=60 intra-refresh=false)",
                    pads::video_name(pad)
                )
            ),
        }
    }

    /// Tells the application, from a thread on which it may take its time.
    pub(super) fn observe(&self, event: &Event) {
        match event {
            Event::Online => self.server_changed("online", None),
            Event::Offline { error } => self.server_changed("offline", Some(error)),
            Event::Left {
                session,
                user,
                reason: Code::OfferRefused,
                detail,
                ..
            } => {
                self.offer_refused(session, user, detail);
                self.obj().notify("viewers");
            }
            Event::Joined { .. } | Event::Left { .. } => self.obj().notify("viewers"),
            Event::Refused { session, refusal } => {
                gst::warning!(CAT, imp = self, "refused session {session}: {refusal}");
            }
            Event::Publication(state) => self.publication_changed(state),
            Event::Bell(event) => self.bell_rang(event),
            Event::Renewed { .. } | Event::Driver { .. } | Event::Door(_) => (),
        }
        let camera = lock(&self.about).camera_name.clone();
        let Some(message) = report::message(event, &camera) else {
            return;
        };
        if let Some((name, arguments)) = report::signal(&message) {
            self.obj().emit_by_name_with_values(name, &arguments);
        }
        self.post(message);
    }

    /// Said aloud once in a run: what one browser refuses, all of its kind do, and anyone can say so as often as they like.
    pub(super) fn offer_refused(&self, session: &str, user: &str, detail: &str) {
        let offered = self.inputs.offered();
        let remedy = match self.inputs.is_encoded() {
            true => {
                " It is passed through as it comes in: raw video, as from decodebin, is encoded for every browser."
            }
            false => "",
        };
        let words = format!(
            "the browser of {user} (session {session}) did not take the offer: {detail}. Offered was {offered}; this is {}, and GStreamer {}.{remedy}",
            env!("CARGO_PKG_VERSION"),
            gst::version_string()
        );
        if self.has_warned_of_offer.swap(true, Relaxed) {
            gst::warning!(CAT, imp = self, "{words}");
        } else {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("{words}"));
        }
    }

    pub(super) fn publication_changed(&self, publication: &PublicationState) {
        let PublicationState { state, url, detail } = publication;
        if !detail.is_empty() {
            // The pipeline goes on, for those who look without the SFU.
            gst::element_imp_warning!(
                self,
                gst::ResourceError::OpenWrite,
                ("whip={url}: {detail}")
            );
        }
        gst::info!(CAT, imp = self, "whip={url}: {state}");
    }

    pub(super) fn server_changed(&self, server: &'static str, error: Option<&str>) {
        let (url, before) = {
            let mut about = lock(&self.about);
            let before = std::mem::replace(&mut about.server, server);
            (about.url.clone(), before)
        };
        if report::is_back(before, server) {
            // After the warnings, so that who has read those knows that they are over.
            gst::element_imp_info!(
                self,
                gst::ResourceError::OpenReadWrite,
                ("{url}: back online")
            );
        }
        if let Some(error) = error {
            // Not an error: a camera may start before its server, and goes on trying.
            gst::element_imp_warning!(self, gst::ResourceError::OpenReadWrite, ("{url}: {error}"));
        }
        self.post(report::server(server, &url, error.unwrap_or_default()));
    }

    pub(super) fn current_demand(&self) -> gst::Event {
        self.demand_of(self.viewer_count(), self.is_called())
    }

    pub(super) fn demand_of(&self, viewers: usize, is_called: bool) -> gst::Event {
        let camera = lock(&self.about).camera_name.clone();
        // The ends of several sessions are told one by one, by another thread than the one that stops.
        let (viewers, is_called) = match self.is_closing.load(Relaxed) {
            true => (0, false),
            false => (u32::try_from(viewers).unwrap_or(u32::MAX), is_called),
        };
        Demand {
            viewers,
            // Who answers a call is to see who rang, and not a camera that starts.
            active: viewers > 0 || is_called,
            camera: Some(camera),
            sink: Some(self.obj().path_string().into()),
        }
        .event()
    }

    pub(super) fn demand(&self, viewers: usize, is_called: bool) {
        self.inputs.has_viewers.store(viewers > 0, Relaxed);
        self.watched.set(viewers > 0);
        self.inputs.demand_changed();
        let event = self.demand_of(viewers, is_called);
        let audio = lock(&self.audio).clone();
        let further = lock(&self.renditions).clone();
        let video = self.video.get().into_iter().chain(&further);
        for pad in video.chain(audio.as_ref()) {
            // Where nothing upstream knows the event, it is refused, and that is fine.
            let _ = pad.push_event(event.clone());
        }
    }

    pub(super) fn post(&self, structure: gst::Structure) {
        let message = gst::message::Element::builder(structure)
            .src(&*self.obj())
            .build();
        let _ = self.obj().post_message(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::PortholeSink as Element;

    #[test]
    fn a_sink_that_stops_tells_upstream_of_no_viewer_any_more() {
        gst::init().expect("GStreamer is installed");
        let sink: Element = gst::glib::Object::new();
        let told = || {
            let event = sink.imp().demand_of(3, true);
            Demand::parse(&event).map(|demand| (demand.viewers, demand.active))
        };
        assert_eq!(told(), Some((3, true)));
        sink.imp().is_closing.store(true, Relaxed);
        assert_eq!(told(), Some((0, false)));
    }
}
