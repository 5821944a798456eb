// SPDX-License-Identifier: MPL-2.0
//! The publisher against a server that answers what a test says. The link's part is in link_tests.rs, a real SFU's in
//! tests/browser/whip.test.mjs.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::lock::lock;

const OFFER: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nLocation: /sessions/7\r\nContent-Length: 6\r\n\r\nanswer";
const GONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// What an endpoint was asked.
type Requests = Arc<Mutex<Vec<String>>>;

/// Answers one request after the other with these; each closes its connection, except where there is no answer at all.
async fn endpoint(answers: &[&'static str]) -> (Url, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/front/whip", listener.local_addr().unwrap());
    let requests = Requests::default();
    let (seen, answers) = (requests.clone(), answers.to_vec());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = request(&mut stream).await;
            lock(&seen).push(asked);
            stream.write_all(answer.as_bytes()).await.unwrap();
            match answer {
                "" => silent.push(stream),
                _ => stream.shutdown().await.unwrap(),
            }
        }
        std::future::pending::<()>().await;
    });
    (url.parse().unwrap(), requests)
}

async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut chunk = [0; 4096];
    loop {
        let length = text.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length.unwrap_or(0)
        {
            assert!(!head.is_empty());
            return text;
        }
        let count = stream.read(&mut chunk).await.unwrap();
        text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
    }
}

/// The link's side of a publisher that runs.
struct Scene {
    publisher: Option<mpsc::UnboundedSender<Publication>>,
    published: mpsc::UnboundedReceiver<Publish>,
    running: tokio::task::JoinHandle<()>,
}

impl Scene {
    fn start(url: Url, token: Option<&str>) -> Self {
        let (to_link, published) = mpsc::unbounded_channel();
        let (publisher, from_link) = mpsc::unbounded_channel();
        let token = token.map(str::to_owned);
        let running = tokio::spawn(run(Target { url, token }, Ends { from_link, to_link }));
        Self {
            publisher: Some(publisher),
            published,
            running,
        }
    }

    async fn next(&mut self) -> Publish {
        self.published.recv().await.expect("the publisher runs")
    }

    async fn state(&mut self) -> (&'static str, String) {
        match self.next().await {
            Publish::State(PublicationState { state, detail, .. }) => (state, detail),
            other => panic!("{other:?}"),
        }
    }

    fn tell(&self, publication: Publication) {
        let publisher = self.publisher.as_ref().expect("it was not stopped");
        publisher.send(publication).expect("the publisher runs");
    }

    /// The id of a session that has begun and offers.
    async fn offer(&mut self) -> String {
        assert_eq!(self.state().await.0, "connecting");
        let Publish::Begin { session, user } = self.next().await else {
            panic!("a session begins");
        };
        assert_eq!(user, "whip:127.0.0.1");
        self.tell(Publication::Offer {
            session: session.clone(),
            sdp: OFFER.to_owned(),
        });
        for candidate in ["candidate:1 1 UDP 1 192.0.2.1 1 typ host", ""] {
            self.tell(Publication::Candidate {
                session: session.clone(),
                m_line: 0,
                candidate: candidate.to_owned(),
            });
        }
        session
    }

    /// Why the session that offers was refused.
    async fn refusal(&mut self) -> String {
        let session = self.offer().await;
        let Publish::End {
            session: ended,
            reason,
            detail,
        } = self.next().await
        else {
            panic!("it ends");
        };
        assert_eq!((ended, reason), (session, Code::MediaFailed));
        assert_eq!(self.state().await, ("lost", detail.clone()));
        detail
    }
}

async fn refused_with(answer: &'static str) -> String {
    let (url, _) = endpoint(&[answer]).await;
    Scene::start(url, Some("s3cret")).refusal().await
}

#[tokio::test]
async fn an_offer_with_its_candidates_goes_out_and_the_end_of_the_camera_ends_it_there() {
    let (url, requests) = endpoint(&[CREATED, GONE]).await;
    let mut scene = Scene::start(url, Some("s3cret"));
    let session = scene.offer().await;
    let answer = Publish::Answer {
        session: session.clone(),
        sdp: "answer".to_owned(),
    };
    assert_eq!(scene.next().await, answer);
    scene.tell(Publication::Flows { session });
    assert_eq!(scene.state().await.0, "live");
    drop(scene.publisher.take());
    scene.running.await.unwrap();
    let requests = lock(&requests).clone();
    let [post, delete] = &requests[..] else {
        panic!("{requests:?}");
    };
    let post = post.to_ascii_lowercase();
    assert!(post.starts_with("post /front/whip http/1.1\r\n"), "{post}");
    assert!(post.contains("content-type: application/sdp\r\n"), "{post}");
    assert!(post.contains("authorization: bearer s3cret\r\n"), "{post}");
    assert!(post.contains("a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"));
    assert!(
        delete.starts_with("DELETE /sessions/7 HTTP/1.1\r\n"),
        "{delete}"
    );
    assert!(
        delete
            .to_ascii_lowercase()
            .contains("authorization: bearer s3cret")
    );
}

#[tokio::test]
async fn a_session_that_breaks_is_told_to_the_sfu_and_another_one_follows() {
    let (url, requests) = endpoint(&[CREATED, GONE, CREATED]).await;
    let mut scene = Scene::start(url, None);
    let first = scene.offer().await;
    assert!(matches!(scene.next().await, Publish::Answer { .. }));
    // Of a session that is over already.
    scene.tell(Publication::Ended {
        session: "whip-before".to_owned(),
        detail: String::new(),
    });
    scene.tell(Publication::Ended {
        session: first.clone(),
        detail: "media-failed".to_owned(),
    });
    assert_eq!(scene.state().await, ("lost", "media-failed".to_owned()));
    let second = scene.offer().await;
    assert_ne!(first, second);
    assert!(matches!(scene.next().await, Publish::Answer { session, .. } if session == second));
    let requests = lock(&requests).clone();
    let methods = |text: &String| text.split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(
        requests.iter().map(methods).collect::<Vec<_>>(),
        ["POST", "DELETE", "POST"]
    );
    assert!(!requests[0].to_ascii_lowercase().contains("authorization"));
}

#[tokio::test]
async fn what_an_sfu_refuses_is_said_in_words_without_the_credential() {
    for (answer, words) in [
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            "look at the token",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "look at the path",
        ),
        (
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 13\r\n\r\nno\tVP8\r\nhere!",
            "HTTP 400): no VP8  here!",
        ),
        (
            "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
            "no room",
        ),
        (
            "HTTP/1.1 201 Created\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
            "text/html, which is no session description",
        ),
        (
            "HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nContent-Length: 99999999\r\n\r\n",
            "no text of at most",
        ),
        ("nonsense\r\n\r\n", "cannot reach the SFU"),
    ] {
        let said = refused_with(answer).await;
        assert!(said.contains(words), "{answer:?}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[tokio::test]
async fn an_sfu_sends_on_and_neither_in_circles_nor_with_the_credential_to_a_stranger() {
    let circle = "HTTP/1.1 307 There\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n";
    let (url, requests) = endpoint(&[circle; MAX_ANSWERS]).await;
    let said = Scene::start(url, Some("s3cret")).refusal().await;
    assert!(said.contains("sends on"), "{said}");
    assert_eq!(lock(&requests).len(), 4);
    assert!(lock(&requests)[3].starts_with("POST /round "));

    let (other, elsewhere) = endpoint(&[CREATED]).await;
    let sends_on = format!("HTTP/1.1 307 There\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n");
    let (url, _) = endpoint(&[sends_on.leak()]).await;
    let mut scene = Scene::start(url, Some("s3cret"));
    scene.offer().await;
    assert!(matches!(scene.next().await, Publish::Answer { .. }));
    let asked = lock(&elsewhere)[0].to_ascii_lowercase();
    assert!(asked.starts_with("post "), "{asked}");
    assert!(!asked.contains("s3cret"), "{asked}");
}

/// More than are followed.
const MAX_ANSWERS: usize = 6;

#[tokio::test]
async fn an_sfu_that_names_a_strangers_resource_has_nothing_deleted_there() {
    let (stranger, asked) = endpoint(&[GONE]).await;
    let created = format!(
        "HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nLocation: {stranger}\r\nContent-Length: 6\r\n\r\nanswer"
    );
    let (url, _) = endpoint(&[created.leak()]).await;
    let mut scene = Scene::start(url, Some("s3cret"));
    scene.offer().await;
    assert!(matches!(scene.next().await, Publish::Answer { .. }));
    drop(scene.publisher.take());
    scene.running.await.unwrap();
    assert!(lock(&asked).is_empty());
}

#[tokio::test]
async fn a_camera_that_stops_waits_for_no_sfu() {
    let (url, requests) = endpoint(&["", ""]).await;
    let mut scene = Scene::start(url, None);
    scene.offer().await;
    while lock(&requests).is_empty() {
        tokio::task::yield_now().await;
    }
    drop(scene.publisher.take());
    // It never answers.
    scene.running.await.unwrap();
}

#[tokio::test]
async fn an_sfu_that_falls_silent_is_gone_and_one_that_is_heard_is_not() {
    let (to_link, mut published) = mpsc::unbounded_channel();
    let (publisher, from_link) = mpsc::unbounded_channel();
    let mut ends = Ends { from_link, to_link };
    let url = "http://127.0.0.1:1/".parse().unwrap();
    let target = Target { url, token: None };
    let client = WhipClient::new(target.url.clone(), None).unwrap();
    let sfu = Publisher { target, client };
    let session = || "whip-1".to_owned();
    publisher
        .send(Publication::Flows { session: session() })
        .unwrap();
    let silence = Duration::from_secs(1);
    let heard = tokio::spawn(async move {
        let began = Instant::now();
        while began.elapsed() < 3 * silence {
            publisher
                .send(Publication::Heard { session: session() })
                .unwrap();
            tokio::task::yield_now().await;
        }
        (publisher, Instant::now())
    });
    let Ok(over) = sfu.flow(&mut ends, "whip-1", silence).await else {
        panic!("the link is there");
    };
    let (_publisher, last) = heard.await.unwrap();
    assert!(last.elapsed() >= silence, "not while it was heard");
    assert!(over.detail.contains("nothing has come"), "{}", over.detail);
    assert!(over.flowed.is_some());
    assert!(matches!(published.recv().await, Some(Publish::State(state)) if state.state == "live"));
    assert!(matches!(
        published.recv().await,
        Some(Publish::End {
            reason: Code::MediaFailed,
            ..
        })
    ));
}

#[tokio::test]
async fn candidates_that_do_not_come_are_not_waited_for_beyond_their_time() {
    let (to_link, _published) = mpsc::unbounded_channel();
    let (publisher, from_link) = mpsc::unbounded_channel();
    let mut ends = Ends { from_link, to_link };
    let sdp = OFFER.to_owned();
    let session = "whip-1".to_owned();
    publisher.send(Publication::Offer { session, sdp }).unwrap();
    let short = Duration::from_millis(10);
    let Ok(Ok(offer)) = offered(&mut ends, "whip-1", short).await else {
        panic!("an offer");
    };
    assert_eq!(offer, OFFER);
}

#[test]
fn tries_come_ever_less_often_and_what_is_shown_of_an_address_is_no_secret() {
    let pauses: Vec<Duration> = pauses().take(12).collect();
    assert!(pauses[0] < Duration::from_secs(3), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
    assert!(pauses[11] >= LONGEST_PAUSE / 2);
    let target = |url: &str, token: Option<&str>| Target {
        url: url.parse().unwrap(),
        token: token.map(str::to_owned),
    };
    let keyed = target(
        "https://name:word@sfu.example.org/front/whip?key=1",
        Some("t"),
    );
    assert_eq!(format!("{keyed:?}"), "https://sfu.example.org/front/whip");
    assert!(!keyed.bares_token());
    assert!(target("http://192.0.2.1/whip", Some("t")).bares_token());
    assert!(!target("http://192.0.2.1/whip", None).bares_token());
    assert!(!target("http://[::1]:8889/whip", Some("t")).bares_token());
}
