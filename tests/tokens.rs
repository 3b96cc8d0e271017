//! Tokens: what is forged opens nothing (RFC 8725), what was used twice ends, what was taken back
//! is gone everywhere.

use std::future::IntoFuture;
use std::time::Instant;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::system::{Client, Program, System, WAIT_MAX};

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn tokens_that_are_not_ours_open_nothing() {
    let system = System::start().await;
    let ada = system.ada().await;
    let parts: Vec<&str> = ada.token.split('.').collect();
    let (header, claims) = (decoded(parts[0]), decoded(parts[1]));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    let line = std::fs::read_to_string(Program::shared().data_dir.join("keys/signing_keys"));
    let seed = BASE64_STANDARD.decode(line.unwrap().trim()).unwrap();
    let key = SigningKey::from_bytes(&seed.try_into().unwrap());
    let signed = |header: &Value, claims: &Value| {
        let text = format!("{}.{}", encoded(header), encoded(claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes());
        format!("{text}.{signature}")
    };
    let with = |object: &Value, name: &str, value: Value| {
        let mut object = object.clone();
        object[name] = value;
        object
    };
    let me = |token: String| {
        let system = system.clone();
        async move { system.ask_as(&token, Method::GET, "accounts/me/ratings").await }
    };
    // The forger of this test can forge: only what follows is wrong with the others.
    me(signed(&header, &claims)).await.ok();

    let none = with(&header, "alg", json!("none"));
    let hmac = with(&header, "alg", json!("HS256"));
    let operator = with(&claims, "roles", json!(["member", "operator"]));
    let expired = with(&claims, "exp", json!(claims["iat"].as_i64().unwrap() - 60));
    let for_ever = with(&claims, "exp", json!(claims["exp"].as_i64().unwrap() + 86_400));
    let mut endless = claims.clone();
    endless.as_object_mut().unwrap().remove("exp");
    let public = key.verifying_key();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64_URL_SAFE_NO_PAD.encode(public) });
    let stranger = SigningKey::from_bytes(&[7; 32]);
    let strangers = {
        let x = BASE64_URL_SAFE_NO_PAD.encode(stranger.verifying_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
    };
    let signed_by_stranger = |header: &Value| {
        let text = format!("{}.{}", encoded(header), encoded(&claims));
        let signature = stranger.sign(text.as_bytes()).to_bytes();
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    };
    // The public key is public: as the secret of an HMAC it must open nothing.
    let confused = |algorithm: &str, secret: &[u8]| {
        let header = with(&header, "alg", json!(algorithm));
        let text = format!("{}.{}", encoded(&header), encoded(&claims));
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(hmac_sha256(secret, text.as_bytes())))
    };
    let der = [&PUBLIC_DER_HEAD[..], public.as_bytes()].concat();
    let raw = |header: &str, claims: &str| {
        let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let text = format!("{header}.{claims}");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes());
        format!("{text}.{signature}")
    };
    let (header_text, claims_text) = (header.to_string(), claims.to_string());
    let twice = format!("{},\"sub\":\"{}\"}}", claims_text.trim_end_matches('}'), Uuid::nil());
    let roles_twice = claims_text.replacen('{', "{\"roles\":[\"operator\"],", 1);
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        signed(&header, &claims)
    };
    let claiming = |name: &str, value: Value| signed(&header, &with(&claims, name, value));
    let heading = |name: &str, value: Value| signed(&with(&header, name, value), &claims);
    let good = signed(&header, &claims);
    let now = claims["iat"].as_i64().unwrap();
    let mut forgeries = vec![
        ("HMAC with the public key", confused("HS256", public.as_bytes())),
        ("HMAC with the public key's DER", confused("HS256", &der)),
        ("HMAC with the public key's JWK", confused("HS256", jwk.to_string().as_bytes())),
        ("HMAC with the public key's x", confused("HS256", jwk["x"].as_str().unwrap().as_bytes())),
        ("HMAC under our own algorithm", confused("EdDSA", public.as_bytes())),
        ("HMAC with no secret", confused("HS256", b"")),
        ("a key of its own", signed_by_stranger(&with(&header, "jwk", strangers.clone()))),
        (
            "a key elsewhere",
            signed_by_stranger(&with(&header, "jku", json!("http://127.0.0.1:1/"))),
        ),
        (
            "a chain elsewhere",
            signed_by_stranger(&with(&header, "x5u", json!("http://127.0.0.1:1/"))),
        ),
        ("a chain of its own", signed_by_stranger(&with(&header, "x5c", json!(["AAAA"])))),
        ("critical", heading("crit", json!(["exp"]))),
        ("critical, unknown", heading("crit", json!(["b64"]))),
        ("critical, empty", heading("crit", json!([]))),
        ("a malleable signature", malleable(&good)),
        ("an empty signature", good[..=good.rfind('.').unwrap()].to_owned()),
        ("a short signature", good[..good.len() - 4].to_owned()),
        ("a long signature", format!("{good}AAAA")),
        ("all zeros", format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86))),
        ("padding", format!("{good}==")),
        ("a signature of another alphabet", good.replace('-', "+").replace('_', "/") + "+"),
        ("four parts", format!("{good}.AAAA")),
        ("five parts, as if encrypted", format!("{}.AA.AA.AA.AA", parts[0])),
        ("a token in a token", signed(&with(&header, "cty", json!("JWT")), &json!(ada.token))),
        ("a subject that is nobody", claiming("sub", json!("x"))),
        ("a subject that is a number", claiming("sub", json!(7))),
        ("a subject that is a list", claiming("sub", json!([claims["sub"]]))),
        ("two subjects", raw(&header_text, &twice)),
        ("roles twice", raw(&header_text, &roles_twice)),
        ("two algorithms", raw(&header_text.replacen('{', "{\"alg\":\"none\",", 1), &claims_text)),
        ("two types", raw(&header_text.replacen('{', "{\"typ\":\"JWT\",", 1), &claims_text)),
        ("roles that are a text", claiming("roles", json!("operator"))),
        ("roles nobody has", claiming("roles", json!(["root"]))),
        ("one role twice", claiming("roles", json!(["member", "member"]))),
        ("an end in words", claiming("exp", json!("tomorrow"))),
        ("no end in numbers", claiming("exp", json!(null))),
        ("a negative end", claiming("exp", json!(-1))),
        ("the end of numbers", claiming("exp", json!(i64::MAX))),
        (
            "beyond numbers",
            raw(&header_text, &claims_text.replace(&format!("{}", claims["exp"]), "1e400")),
        ),
        ("a beginning before time", claiming("iat", json!(i64::MIN))),
        ("not yet", claiming("nbf", json!(now + 3600))),
        ("not yet, in words", claiming("nbf", json!("later"))),
        ("several issuers", claiming("iss", json!(["elsewhere"]))),
        ("no issuer", without("iss")),
        ("no audience", without("aud")),
        ("an empty audience", claiming("aud", json!([]))),
        ("no subject", without("sub")),
        ("no session", without("sid")),
        ("no roles", without("roles")),
        ("no type", {
            let mut header = header.clone();
            header.as_object_mut().unwrap().remove("typ");
            signed(&header, &claims)
        }),
        ("no key", {
            let mut header = header.clone();
            header.as_object_mut().unwrap().remove("kid");
            signed(&header, &claims)
        }),
        ("claims that are no object", signed(&header, &json!([1]))),
        ("claims that are no JSON", raw(&header_text, "\u{0}\u{1}")),
        ("a header that is no JSON", raw("{", &claims_text)),
        (
            "a header with words of everywhere",
            raw("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\u{202e}\"}", &claims_text),
        ),
        ("very long", format!("{good}{}", "A".repeat(100_000))),
        ("very long claims", claiming("jti", json!("x".repeat(20_000)))),
        ("a refresh token", ada.refresh_token.clone()),
        ("nothing at all", "..".to_owned()),
    ];
    let paths = ["../../keys/signing_keys", "/dev/null", "' or '1'='1", "\u{0}", "", "0", "\u{e9}"];
    forgeries.extend(paths.map(|kid| ("a key by a trick", heading("kid", json!(kid)))));
    forgeries.push(("a key that is no text", heading("kid", json!(["x"]))));
    forgeries.extend([
        ("alg none", format!("{}.{}.", encoded(&none), parts[1])),
        ("alg nOnE", format!("{}.{}.", encoded(&with(&header, "alg", json!("nOnE"))), parts[1])),
        ("alg none, signed", signed(&none, &claims)),
        ("alg HS256", signed(&hmac, &claims)),
        ("more roles", format!("{}.{}.{}", parts[0], encoded(&operator), parts[2])),
        ("a signature of nobody", format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86))),
        ("no signature", format!("{}.{}", parts[0], parts[1])),
        ("another audience", signed(&header, &with(&claims, "aud", json!("elsewhere")))),
        ("another issuer", signed(&header, &with(&claims, "iss", json!("elsewhere")))),
        ("another type", signed(&with(&header, "typ", json!("JWT")), &claims)),
        ("another key", signed(&with(&header, "kid", json!("elsewhere")), &claims)),
        ("expired", signed(&header, &expired)),
        ("too long a life", signed(&header, &for_ever)),
        ("no end", signed(&header, &endless)),
    ]);
    for (what, token) in forgeries {
        let answer = me(token).await;
        assert_eq!(answer.status.as_u16(), 401, "{what}: {answer}");
        answer.refused(401, "token-invalid");
    }
}

/// What stands before the 32 bytes of a public Ed25519 key in its DER form (RFC 8410).
const PUBLIC_DER_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// RFC 2104.
fn hmac_sha256(secret: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    match secret.len() {
        0..=64 => block[..secret.len()].copy_from_slice(secret),
        _ => block[..32].copy_from_slice(&Sha256::digest(secret)),
    }
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], text].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner].concat()).to_vec()
}

/// The same signature with the order of the group added to its second half: whoever does not
/// compare with the order (RFC 8032, 5.1.7) takes it for another good one.
fn malleable(token: &str) -> String {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (text, signature) = token.rsplit_once('.').unwrap();
    let mut signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0, "the sum still fits");
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

async fn refreshed(system: &System, token: &Value) -> Value {
    let answer = system.post("sessions/refresh", json!({ "refresh_token": token })).await.ok();
    answer.body
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_session() {
    let system = System::start().await;
    let ada = system.ada().await;
    let stolen = json!(ada.refresh_token);
    let second = refreshed(&system, &stolen).await;
    // The answer got lost, and the client asks again.
    refreshed(&system, &stolen).await;
    let third = refreshed(&system, &second["refresh_token"]).await;

    let body = json!({ "refresh_token": stolen });
    system.post("sessions/refresh", body).await.refused(401, "refresh-token-invalid");

    let body = json!({ "refresh_token": third["refresh_token"] });
    system.post("sessions/refresh", body).await.refused(401, "refresh-token-invalid");
    let token = third["access_token"].as_str().unwrap();
    refused_within_2_s(&system, token).await;
    let again = json!({ "email": ada.login.email, "password": ada.login.password });
    assert_eq!(system.post("sessions", again).await.status.as_u16(), 201);
}

/// A thief and the owner at the same moment. Both may be answered, as a lost answer would be, but
/// what follows from both cannot live on.
#[tokio::test]
async fn of_two_who_refresh_at_once_no_more_than_one_stays() {
    let system = System::start().await;
    for _ in 0..5 {
        let ada = system.ada().await;
        let body = json!({ "refresh_token": ada.refresh_token });
        let uses = (0..8).map(|_| system.post("sessions/refresh", body.clone()).into_future());
        let answers = futures::future::join_all(uses).await;
        let mut given = Vec::new();
        for answer in answers {
            match answer.status.as_u16() {
                200 => given.push(answer["refresh_token"].clone()),
                _ => drop(answer.refused(401, "refresh-token-invalid")),
            }
        }
        assert!(!given.is_empty());
        let mut tokens: Vec<&str> = given.iter().filter_map(Value::as_str).collect();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), given.len(), "no token is given to two");
        // The first to go on is the one; that another tries to is what gives the theft away.
        let first = json!({ "refresh_token": given[0] });
        let next = system.post("sessions/refresh", first).await.ok();
        for other in given.iter().skip(1) {
            let body = json!({ "refresh_token": other });
            system.post("sessions/refresh", body).await;
        }
        if given.len() > 1 {
            let body = json!({ "refresh_token": ada.refresh_token });
            system.post("sessions/refresh", body).await.refused(401, "refresh-token-invalid");
            let body = json!({ "refresh_token": next["refresh_token"] });
            system.post("sessions/refresh", body).await.refused(401, "refresh-token-invalid");
        }
    }
}

#[tokio::test]
async fn who_logs_out_or_loses_a_role_has_lost_it_everywhere() {
    let system = System::start().await;
    let ada: Client = system.ada().await;
    let gone = ada.delete("sessions/current").await;
    assert_eq!(gone.status.as_u16(), 204, "{gone}");
    refused_within_2_s(&system, &ada.token).await;
    let body = json!({ "refresh_token": ada.refresh_token });
    system.post("sessions/refresh", body).await.refused(401, "refresh-token-invalid");

    let mercy = system.merchandiser().await;
    let role = format!("accounts/{}/roles/merchandiser", mercy.id);
    system.operator().delete(role).await.accepted();
    let revoked = Instant::now();
    while mercy
        .post("books", json!({ "title": "Emma", "authors": ["Jane Austen"] }))
        .await
        .status
        .is_success()
    {
        assert!(revoked.elapsed().as_secs() < 2, "the role still works");
    }
}

async fn refused_within_2_s(system: &System, token: &str) {
    let ended = Instant::now();
    loop {
        let answer = system.ask_as(token, Method::GET, "accounts/me/ratings").await;
        if answer.status.as_u16() == 401 {
            return;
        }
        assert!(ended.elapsed() < WAIT_MAX / 30, "the token still works: {answer}");
    }
}
