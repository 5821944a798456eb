// SPDX-License-Identifier: MPL-2.0

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("p.toml")).map_err(|failure| match failure {
        Failure::Input(message) | Failure::System(message) => message,
    })
}

#[test]
fn the_example_parses_and_so_does_each_key_that_it_has_commented_out() {
    let example = include_str!("../../config.example.toml");
    parse(example).unwrap();
    let uncommented: Vec<_> = example
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .collect();
    let config = parse(&uncommented.join("\n")).unwrap();
    assert!(config.url.is_some() && config.tls(Path::new("/etc/p.toml")).is_some());
    assert_eq!(
        (config.allowed_hosts.len(), config.trusted_proxies.len()),
        (1, 2)
    );
    assert!(config.turn(Path::new("p.toml")).unwrap().is_some());
    let adapters = config.adapters();
    assert!(adapters.socketio.is_some() && adapters.three_service);
    assert!(config.whep().is_some() && config.embed_origins().len() == 1);
    assert!(config.data_dir(Path::new("p.toml")).is_some() && config.database_url().is_some());
    let sizes = (
        config.ice_servers().len(),
        config.cameras().count(),
        config.viewers().count(),
    );
    assert_eq!(sizes, (2, 1, 1));
}

#[test]
fn an_empty_file_is_a_server_on_loopback_for_nobody() {
    let config = parse("").unwrap();
    assert!(config.listen.ip().is_loopback() && !config.open_access);
}

#[test]
fn errors_name_file_line_key_and_what_to_do() {
    let digest = "0".repeat(64);
    let camera = format!("[[camera]]\nid = \"a\"\nname = \"A\"\nsecret-sha256 = \"{digest}\"\n");
    let cases = [
        ("\nlisten = \"8080\"", "p.toml:2: listen: "),
        (
            "listn = 1",
            "p.toml:1: listn: unknown key `listn`: did you mean `listen`?",
        ),
        (
            "xyz = 1",
            "p.toml:1: xyz: unknown field `xyz`, expected one of",
        ),
        (
            "listen = 127.0.0.1:8080 # here",
            "p.toml:1: listen: put the text in quotes: \"127.0.0.1:8080\"",
        ),
        (
            "open-access = false\nurl = https://cameras.example.org",
            "p.toml:2: url: put the text in quotes: \"https://cameras.example.org\"",
        ),
        (
            "listen = \"127.0.0.1\"",
            "p.toml:1: listen: the port is missing: write it as 127.0.0.1:8080",
        ),
        (
            "metrics-listen = \"localhost:9090\"",
            "p.toml:1: metrics-listen: this is no address with a port: write it as",
        ),
        (
            "url = \"cameras.example.org\"",
            "p.toml:1: url: begin it with https:// or http://, as in https://cameras",
        ),
        (
            "url = \"ftp://x\"",
            "p.toml:1: url: use an address that begins with",
        ),
        (
            "url = \"https://x.example/cams\"",
            "p.toml:1: url: end the path with /",
        ),
        (
            "allowed-hosts = [\"https://x\"]",
            "p.toml: allowed-hosts: \"https://x\" is no host name",
        ),
        (
            "\ntrusted-proxies = [\"10.0.0.0/33\"]",
            "p.toml:2: trusted-proxies: use addresses such as",
        ),
        (
            "tls-cert = \"c.pem\"",
            "p.toml: tls-cert and tls-key belong together",
        ),
        (
            "[[camera]]\nid = \"A b\"\nname=\"\"\nsecret-sha256=\"\"",
            "p.toml:2: id: use 1 to 64",
        ),
        (
            "[[camera]]\nid = \"a\"\nname=\"\"\nsecret-sha256=\"x\"",
            "p.toml:4: secret-sha256: use 64",
        ),
        (
            &camera.repeat(2),
            "p.toml: [[camera]] id = \"a\" is there twice",
        ),
        (
            &format!("[[viewer]]\nname = \"v\"\ntoken-sha256 = \"{digest}\"\nlease = 0"),
            "p.toml:4: lease: use 1 to 86400 seconds",
        ),
    ];
    for (text, expected) in cases {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
