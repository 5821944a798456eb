// SPDX-License-Identifier: MPL-2.0
//! How tables of notifiers are read, and what is said of those that cannot be.

use super::*;

#[derive(serde::Deserialize)]
struct Tables {
    #[serde(default)]
    notify: Vec<NotifyTable>,
}

fn read(text: &str) -> Result<NotifyOptions, String> {
    let tables: Tables = toml_edit::de::from_str(text).map_err(|e| e.message().to_owned())?;
    notifiers(&tables.notify, Path::new("/nowhere"))
}

fn table(kind: &str, rest: &str) -> String {
    format!("[[notify]]\nkind = \"{kind}\"\n{rest}\n")
}

#[test]
fn each_kind_is_read_with_one_address_or_one_for_each() {
    let ntfy = "url = \"https://ntfy.example.org\"\ntopic = {alice = \"a\", bob = \"b\"}\nusers = [\"alice\"]\ncameras = [\"front\"]";
    let mail = "server = \"mail.example.org\"\nfrom = \"door@example.org\"\nto = \"house@example.org\"\ntls = \"tls\"";
    let hook = "url = \"http://192.168.1.5:8123/api/webhook/x\"\nsnapshot = \"url\"";
    let text = [
        table("ntfy", ntfy),
        table("mail", mail),
        table("webhook", hook),
    ]
    .concat();
    let options = read(&text).unwrap();
    let [first, second, third] = &options.targets[..] else {
        panic!("{options:?}");
    };
    let KindOptions::Ntfy(ntfy) = &first.kind else {
        panic!("{first:?}");
    };
    assert!(
        ntfy.topic
            == Address::Each(
                [
                    ("alice".to_owned(), "a".to_owned()),
                    ("bob".to_owned(), "b".to_owned())
                ]
                .into()
            )
    );
    assert_eq!(first.filter.cameras, Some(["front".to_owned()].into()));
    assert!(
        matches!(&second.kind, KindOptions::Mail(mail) if mail.tls == MailTls::Tls && mail.port.is_none())
    );
    assert!(
        matches!(&third.kind, KindOptions::Webhook(hook) if hook.picture == WebhookPicture::Url)
    );
    assert_eq!(options.push, PushOptions::default());
    let off = read(&table("web-push", "enabled = false")).unwrap();
    assert!(!off.push.enabled && off.targets.is_empty());
}

#[test]
fn what_is_secret_is_not_shown() {
    let text = table(
        "ntfy",
        "url = \"https://hidden.example\"\ntopic = \"hidden\"",
    );
    assert!(!format!("{:?}", read(&text).unwrap()).contains("hidden"));
}

#[test]
fn what_is_wrong_is_said() {
    let ntfy = |rest: &str| {
        table(
            "ntfy",
            &format!("url = \"https://n\"\ntopic = \"t\"\n{rest}"),
        )
    };
    let mail = |rest: &str| {
        table(
            "mail",
            &format!("server = \"m\"\nfrom = \"a@b.c\"\nto = \"d@e.f\"\n{rest}"),
        )
    };
    for (text, words) in [
        (table("pager", ""), "unknown variant"),
        (table("ntfy", ""), "url is missing"),
        (
            table("ntfy", "url = \"https://n\""),
            "[[notify]] kind = \"ntfy\": topic is missing",
        ),
        (table("telegram", "chat = \"1\""), "token-file is missing"),
        (
            table("telegram", "chat = \"1\"\ntoken-file = \"t\""),
            "token-file: /nowhere/t",
        ),
        (
            table("mail", "server = \"m\"\nto = \"a@b.c\""),
            "from is missing",
        ),
        (table("webhook", ""), "url is missing"),
        (ntfy("chat = \"1\""), "chat is of kind = \"telegram\""),
        (ntfy("users = [\"guest\"]"), "users: \"guest\""),
        (ntfy("cameras = [\"Front door\"]"), "no camera has the id"),
        (ntfy("topics = 1"), "unknown field"),
        (
            ntfy("click = \"mailto:x\""),
            "click: give an address with https://",
        ),
        (
            table("ntfy", "url = \"https://n\"\ntopic = 1"),
            "write one for all",
        ),
        (
            table("ntfy", "url = \"http://ntfy.example.org\"\ntopic = \"t\""),
            "use https://",
        ),
        (
            table("webhook", "url = \"ftp://x\""),
            "give an address with https://",
        ),
        (mail("login = \"x\""), "belong together"),
        (mail("tls = \"some\""), "unknown variant"),
        (table("web-push", "contact = \"me\""), "write it as mailto:"),
        (
            table("web-push", "") + &table("web-push", ""),
            "is there twice",
        ),
    ] {
        let error = read(&text).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
}
