// SPDX-License-Identifier: MPL-2.0
//! Who stands downstream. A recorder or a display says nothing of demand and wants the picture all the time, also beside a sink
//! that does; so the ends of the pipeline are looked for, and not only listened to.

use std::collections::HashSet;

use gst::prelude::*;

/// Pads that are looked at. A pipeline with more ends than this has is taken to have one that says nothing.
const MAX_PADS: usize = 1024;

/// What stands at the ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Those of the sinks that were asked for.
    pub(crate) sinks: HashSet<String>,
    /// Whether there is an end that is none of them.
    pub(crate) others: bool,
}

/// Follows the links from these source pads to their ends. `ids` are the sinks that speak of demand: their paths in the pipeline.
pub(crate) fn find(pads: impl IntoIterator<Item = gst::Pad>, ids: &[String]) -> Found {
    let mut found = Found::default();
    let mut left: Vec<gst::Pad> = pads.into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(pad) = left.pop() {
        if seen.len() >= MAX_PADS {
            found.others = true;
            break;
        }
        let Some(peer) = pad.peer() else {
            continue;
        };
        if !seen.insert(peer.clone()) {
            continue;
        }
        if let Some(id) = speaker(&peer, ids) {
            found.sinks.insert(id);
            continue;
        }
        let mut further = Vec::new();
        // Where links change meanwhile, the next look sees it.
        let _ = peer
            .iterate_internal_links()
            .foreach(|pad| further.push(pad));
        found.others |= further.is_empty();
        left.extend(further);
    }
    found
}

/// The sink that this pad belongs to, if it is one of `ids`.
fn speaker(pad: &gst::Pad, ids: &[String]) -> Option<String> {
    let mut object = pad.parent();
    while let Some(parent) = object {
        let path = parent.path_string();
        if ids.iter().any(|id| *id == path) {
            return Some(path.into());
        }
        object = parent.parent();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(description: &str, sinks: &[&str]) -> (usize, bool) {
        gst::init().unwrap();
        let pipeline = gst::parse::launch(description).unwrap();
        let pipeline = pipeline.downcast::<gst::Bin>().unwrap();
        let by_name = |name: &str| pipeline.by_name(name).unwrap();
        let ids: Vec<String> = sinks
            .iter()
            .map(|name| by_name(name).path_string().into())
            .collect();
        let found = find([by_name("src").static_pad("src").unwrap()], &ids);
        (found.sinks.len(), found.others)
    }

    #[test]
    fn a_sink_that_speaks_is_found_behind_whatever_stands_between() {
        let line = "fakesrc name=src ! identity ! queue ! tee ! fakesink name=a";
        assert_eq!(look(line, &["a"]), (1, false));
    }

    #[test]
    fn a_recorder_beside_a_sink_is_found() {
        let line = "fakesrc name=src ! tee name=t ! fakesink name=a  t. ! queue ! fakesink name=b";
        assert_eq!(look(line, &["a"]), (1, true));
        assert_eq!(look(line, &["a", "b"]), (2, false));
    }

    #[test]
    fn a_sink_in_a_bin_is_found() {
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let source = gst::ElementFactory::make("fakesrc").build().unwrap();
        let out = gst::parse::bin_from_description("identity ! fakesink", true).unwrap();
        pipeline.add_many([&source, out.upcast_ref()]).unwrap();
        source.link(&out).unwrap();
        let find = |ids: &[String]| find(source.static_pad("src"), ids);
        let id = String::from(out.path_string());
        let found = find(std::slice::from_ref(&id));
        assert_eq!((found.sinks.contains(&id), found.others), (true, false));
        assert!(find(&[]).others);
    }

    #[test]
    fn a_pad_without_a_peer_wants_nothing() {
        gst::init().unwrap();
        let source = gst::ElementFactory::make("fakesrc").build().unwrap();
        assert_eq!(find(source.static_pad("src"), &[]), Found::default());
    }
}
