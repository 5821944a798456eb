// SPDX-License-Identifier: MPL-2.0
//! Mail, with the picture in it.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::channel::{Channel, Failure, Picture, Receipt, What};
use super::deliver::TRY_TIMEOUT;
use super::http::shortened;
use super::options::{MailOptions, MailTls};
use super::text;
use crate::calls::RingNotice;
use crate::http_client::innermost;

/// What the picture is called in a message.
const PICTURE: &str = "door";

pub(super) struct Mail {
    from: Mailbox,
    options: MailOptions,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

struct Letterbox {
    mail: Arc<Mail>,
    to: Mailbox,
}

impl Mail {
    pub(super) fn new(options: MailOptions) -> Result<Self, String> {
        let from = mailbox(&options.from).map_err(|e| format!("from: {e}"))?;
        for to in options.to.all() {
            mailbox(to).map_err(|e| format!("to: {e}"))?;
        }
        let (tls, usual) = match options.tls {
            MailTls::None if !is_here(&options.server) => {
                return Err(
                    "tls = \"none\" is for a server on this machine: who is on the way could read passwords and links"
                        .to_owned(),
                );
            }
            MailTls::None => (Tls::None, 25),
            MailTls::Starttls => (Tls::Required(parameters(&options.server)?), 587),
            MailTls::Tls => (Tls::Wrapper(parameters(&options.server)?), 465),
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(options.server.clone())
                .port(options.port.unwrap_or(usual))
                .tls(tls)
                .timeout(Some(TRY_TIMEOUT))
                .hello_name(ClientId::default());
        if let Some((name, password)) = &options.login {
            builder = builder.credentials(Credentials::new(name.clone(), password.clone()));
        }
        Ok(Self {
            from,
            transport: builder.build(),
            options,
        })
    }

    pub(super) fn channel(self: &Arc<Self>, user: &str) -> Option<Arc<dyn Channel>> {
        // It was read before.
        let to = mailbox(self.options.to.of(user)?).ok()?;
        let mail = self.clone();
        Some(Arc::new(Letterbox { mail, to }))
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is no address: write it as Door <door@example.org>"))
}

fn is_here(server: &str) -> bool {
    server == "localhost" || server.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The certificates of the system, as for all else.
fn parameters(server: &str) -> Result<TlsParameters, String> {
    TlsParameters::new(server.to_owned()).map_err(|e| format!("server: {}", innermost(&e)))
}

#[async_trait]
impl Channel for Letterbox {
    /// There would be two of it.
    fn is_repeatable(&self) -> bool {
        false
    }

    async fn send(&self, ring: &RingNotice, picture: Picture) -> Result<Receipt, Failure> {
        let message = self.message(ring, picture);
        let message = message.map_err(|e| Failure::never(innermost(&e)))?;
        match self.mail.transport.send(message).await {
            Ok(_) => Ok(None),
            Err(error) => Err(failure(&error)),
        }
    }
}

impl Letterbox {
    fn message(
        &self,
        ring: &RingNotice,
        picture: Picture,
    ) -> Result<Message, lettre::error::Error> {
        let title = text::title(ring);
        let what = text::rings(ring);
        let open = text::open(ring);
        let plain = match open {
            Some(open) => format!("{what}\r\n\r\n{open}\r\n"),
            None => format!("{what}\r\n"),
        };
        let message = Message::builder()
            .from(self.mail.from.clone())
            .to(self.to.clone())
            .subject(format!("{title}: {what}"));
        let Some(picture) = picture else {
            return message.singlepart(SinglePart::plain(plain));
        };
        let link = open.map(|open| {
            let open = escaped(open);
            format!("<p><a href=\"{open}\">{open}</a></p>")
        });
        let html = format!(
            "<p>{}</p><p><img src=\"cid:{PICTURE}\" alt=\"\"></p>{}",
            escaped(&what),
            link.unwrap_or_default()
        );
        let jpeg = ContentType::parse("image/jpeg").unwrap_or(ContentType::TEXT_PLAIN);
        let inline = Attachment::new_inline_with_name(PICTURE.to_owned(), "door.jpg".to_owned());
        let related = MultiPart::related()
            .singlepart(SinglePart::html(html))
            .singlepart(inline.body(picture.to_vec(), jpeg));
        message.multipart(
            MultiPart::alternative()
                .singlepart(SinglePart::plain(plain))
                .multipart(related),
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let words = shortened(innermost(error).as_bytes());
    let words = match error.status() {
        Some(code) => format!("SMTP {code}: {words}"),
        None => words,
    };
    let refused = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    let refused = refused.filter_map(|e| e.downcast_ref::<std::io::Error>());
    let is_refused = refused
        .map(std::io::Error::kind)
        .any(|kind| kind == std::io::ErrorKind::ConnectionRefused);
    let what = match () {
        // It has said that it did not take it.
        () if error.is_transient() || is_refused => What::Later(None),
        () if error.is_permanent() || error.is_tls() || error.is_client() => What::Never,
        () => What::Unclear,
    };
    Failure::new(what, words)
}
