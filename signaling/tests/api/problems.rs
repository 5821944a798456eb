// SPDX-License-Identifier: MPL-2.0
//! What is wrong with a request is said in a problem document.

use serde_json::json;

use crate::common::{chunks, http, http_with};
use crate::house::House;

#[tokio::test]
async fn every_refusal_is_a_problem_document() {
    let house = House::new().await;
    let admin = ("cookie", house.admin.cookies.as_str());
    let own = ("sec-fetch-site", "same-origin");
    let json = ("content-type", "application/json");
    let post = "POST /api/users";
    let cases: [(_, &[_], _, _, _); 8] = [
        ("GET /api/users", &[], "", 401, "unauthorized"),
        ("GET /api/nothing", &[admin], "", 404, "not-found"),
        (
            "PUT /api/users",
            &[admin, own],
            "",
            405,
            "method-not-allowed",
        ),
        (post, &[admin, own, json], "{", 400, "bad-json"),
        (post, &[admin, own, json], "{}", 422, "bad-value"),
        (post, &[admin, own], "{}", 415, "unsupported-media-type"),
        ("GET /api/users?limit=x", &[admin], "", 400, "bad-query"),
        ("GET /api/users/%ff", &[admin], "", 400, "bad-address"),
    ];
    for (request, headers, body, status, code) in cases {
        let answer = http_with(house.address(), request, headers, body).await;
        assert_eq!(
            answer.problem(),
            (status, code.to_owned()),
            "{request} {answer:?}"
        );
        let problem = answer.json();
        assert_eq!(
            (&problem["type"], &problem["status"]),
            (&json!("about:blank"), &json!(status))
        );
        assert_eq!(problem["detail"], problem["message"]);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_its_length_or_as_it_comes() {
    let house = House::new().await;
    let headers = [
        ("content-type", "application/json"),
        ("content-length", "20000"),
    ];
    let said = http(house.address(), "POST /api/session", &headers).await;
    assert_eq!(said.problem(), (413, "too-large".to_owned()));
    let chunked = [
        ("content-type", "application/json"),
        ("transfer-encoding", "chunked"),
    ];
    let large = format!("4e20\r\n{}\r\n0\r\n\r\n", "x".repeat(20_000));
    let comes = chunks(house.address(), "POST /api/session", &chunked, &large).await;
    assert_eq!(comes.problem(), (413, "too-large".to_owned()));
}
