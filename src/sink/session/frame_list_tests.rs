// SPDX-License-Identifier: MPL-2.0
use super::*;

/// How what leaves comes: for each list its packets, for each buffer 0.
type Came = Arc<Mutex<Vec<usize>>>;

/// A payloader and what follows it in webrtcbin, between two pads.
struct Chain {
    src: gst::Pad,
    _sink: gst::Pad,
    elements: Vec<gst::Element>,
    came: Came,
}

impl Chain {
    fn new() -> Self {
        gst::init().expect("GStreamer is installed");
        let names = ["rtph264pay", "capsfilter", "rtpulpfecenc", "rtpredenc"];
        let elements = names.map(|name| {
            gst::ElementFactory::make(name)
                .build()
                .expect("it is installed")
        });
        elements[2].set_property("pt", 122u32);
        let came = Came::default();
        let (lists, singles) = (came.clone(), came.clone());
        let src = gst::Pad::builder(gst::PadDirection::Src)
            .name("out")
            .build();
        let sink = gst::Pad::builder(gst::PadDirection::Sink)
            .name("in")
            .chain_function(move |_, _, _| {
                lock(&singles).push(0);
                Ok(gst::FlowSuccess::Ok)
            })
            .chain_list_function(move |_, _, list| {
                lock(&lists).push(list.len());
                Ok(gst::FlowSuccess::Ok)
            })
            .build();
        let end = gst::ElementFactory::make("funnel")
            .build()
            .expect("it is installed");
        let elements: Vec<_> = elements.into_iter().chain([end]).collect();
        let (mut before, mut all) = (src.clone(), elements.iter().peekable());
        while let Some(element) = all.next() {
            let pad = match all.peek() {
                Some(_) => element.static_pad("sink"),
                None => element.request_pad_simple("sink_%u"),
            };
            before.link(&pad.expect("it has one")).expect("they fit");
            before = element.static_pad("src").expect("it has one");
        }
        before.link(&sink).expect("they fit");
        sink.set_active(true).expect("it can be active");
        for element in &elements {
            element.set_state(gst::State::Playing).expect("it plays");
        }
        src.set_active(true).expect("it can be active");
        let caps = gst::Caps::builder("video/x-h264")
            .field("stream-format", "byte-stream")
            .field("alignment", "au")
            .build();
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(src.push_event(gst::event::StreamStart::new("s")));
        assert!(src.push_event(gst::event::Caps::new(&caps)));
        assert!(src.push_event(gst::event::Segment::new(&segment)));
        Self {
            src,
            _sink: sink,
            elements,
            came,
        }
    }

    /// How a frame of two slices comes out, each of which takes several packets.
    fn frame(&self, list: Option<&FrameList>) -> Vec<usize> {
        lock(&self.came).clear();
        let slice = [&[0, 0, 0, 1, 0x41, 0x9a][..], &[0x55; 5_000]].concat();
        let mut buffer = gst::Buffer::from_slice([slice.clone(), slice].concat());
        let only = buffer.get_mut().expect("nobody else has it");
        only.set_pts(gst::ClockTime::ZERO);
        if let Some(list) = list {
            list.begin();
        }
        self.src.push(buffer).expect("it is taken");
        if let Some(list) = list {
            list.end().expect("it is taken");
        }
        lock(&self.came).clone()
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.src.set_active(false);
        for element in &self.elements {
            let _ = element.set_state(gst::State::Null);
        }
    }
}

fn viewer() -> Permit {
    Permit::of(&[Permission::View])
}

#[test]
fn a_frame_leaves_as_one_list() {
    let chain = Chain::new();
    let alone = chain.frame(None);
    assert!(alone.len() >= 8 && alone.iter().all(|packets| *packets == 0));
    let list = FrameList::behind(&chain.src, viewer()).expect("there is a payloader");
    // What events say goes with the first packets.
    chain.frame(Some(&list));
    for _ in 0..3 {
        assert_eq!(chain.frame(Some(&list)), [alone.len()]);
    }
}

#[test]
fn what_events_say_comes_before_the_packets_that_follow_them() {
    let chain = Chain::new();
    chain.frame(None);
    let list = FrameList::behind(&chain.src, viewer()).expect("there is a payloader");
    (0..2).for_each(|_| drop(chain.frame(Some(&list))));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(chain.src.push_event(gst::event::Segment::new(&segment)));
    let came = chain.frame(Some(&list));
    assert_eq!(came.first(), Some(&0), "{came:?}");
    assert_eq!(chain.frame(Some(&list)).len(), 1);
}

#[test]
fn once_there_is_error_correction_nothing_passes_it_by_any_more() {
    let chain = Chain::new();
    let alone = chain.frame(None).len();
    let list = FrameList::behind(&chain.src, viewer()).expect("there is a payloader");
    chain.frame(Some(&list));
    chain.elements[2].set_property("percentage", 100u32);
    assert!(chain.frame(Some(&list)).len() > alone);
    chain.elements[2].set_property("percentage", 0u32);
    assert_eq!(chain.frame(Some(&list)), vec![0; alone]);
}

#[test]
fn who_may_not_look_gets_nothing() {
    let chain = Chain::new();
    chain.frame(None);
    let permit = viewer();
    let list = FrameList::behind(&chain.src, permit.clone()).expect("there is a payloader");
    (0..2).for_each(|_| drop(chain.frame(Some(&list))));
    permit.close();
    assert!(chain.frame(Some(&list)).is_empty());
}
