use axum::body::Body;
use axum::http::Method;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use domain::{AccountId, Role};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use service_kit::auth::{KeyRing, Tokens};
use uuid::Uuid;

use crate::world::{Answer, Ask, KEY, OLD_KEY, World};

async fn with_token(world: &World, token: &str) -> Answer {
    world.send(Ask::new(Method::GET, "/api/v1/token").bearer(token).body(Body::empty())).await
}

/// A token signed by hand, so that it can be wrong in ways that no library would make it.
fn forged(seed: [u8; 32], header: Value, claims: Value) -> String {
    let signed = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    let signature = SigningKey::from_bytes(&seed).sign(signed.as_bytes());
    format!("{signed}.{}", B64.encode(signature.to_bytes()))
}

fn key_id(world: &World, n: usize) -> Value {
    world.kit.tokens().keys().jwks()["keys"][n]["kid"].clone()
}

fn changed(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn header(world: &World) -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": key_id(world, 0)})
}

fn claims() -> Value {
    let now = service_kit::clock::now().timestamp();
    json!({"iss": "daybook", "aud": "daybook", "sub": Uuid::new_v4(), "jti": Uuid::new_v4(),
           "sid": Uuid::new_v4(), "iat": now, "exp": now + 60, "roles": ["member"]})
}

#[tokio::test]
async fn a_token_of_ours_says_who_asks() {
    let world = World::start().await;
    let (_, token) = world.token(&[Role::Member, Role::Auditor]);
    let answer = with_token(&world, &token).await;
    assert_eq!(answer.body["roles"], json!(["member", "auditor"]), "{}", answer.text);
    assert_eq!(world.get("/api/v1/token").await.body["roles"], json!([]));
    let good = forged(KEY, header(&world), claims());
    assert_eq!(with_token(&world, &good).await.status, 200);
}

#[tokio::test]
async fn no_other_token_is_let_in() {
    let world = World::start().await;
    let now = service_kit::clock::now().timestamp();
    let right = header(&world);
    let of_key = |header: Value| forged(KEY, header, claims());
    let says = |change: Value| forged(KEY, header(&world), changed(claims(), change));
    let own = SigningKey::from_bytes(&[9; 32]);
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": B64.encode(own.verifying_key().as_bytes())});
    let none = B64.encode(json!({"alg": "none", "typ": "at+jwt"}).to_string());
    let good = forged(KEY, right.clone(), claims());
    let tampered = {
        let mut parts = good.split('.');
        let (head, _, sign) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
        let more = changed(claims(), json!({"roles": ["operator"]}));
        format!("{head}.{}.{sign}", B64.encode(more.to_string()))
    };
    let bad = [
        ("empty", String::new()),
        ("not a token", "abc".to_owned()),
        ("unsigned", format!("{none}.{}.", B64.encode(claims().to_string()))),
        ("tampered", tampered),
        ("no type", of_key(json!({"alg": "EdDSA", "kid": key_id(&world, 0)}))),
        ("an id token", of_key(changed(right.clone(), json!({"typ": "JWT"})))),
        ("HMAC with our public key", of_key(changed(right.clone(), json!({"alg": "HS256"})))),
        ("unknown key id", of_key(changed(right.clone(), json!({"kid": "other"})))),
        ("no key id", of_key(json!({"alg": "EdDSA", "typ": "at+jwt"}))),
        ("critical extension", of_key(changed(right.clone(), json!({"crit": ["exp"]})))),
        ("another's key", forged([9; 32], right.clone(), claims())),
        (
            "the key it brings",
            forged([9; 32], changed(right.clone(), json!({"jwk": jwk})), claims()),
        ),
        ("expired", says(json!({"iat": now - 120, "exp": now - 60}))),
        ("too long a life", says(json!({"exp": now + 86_400}))),
        ("another issuer", says(json!({"iss": "elsewhere"}))),
        ("another audience", says(json!({"aud": "elsewhere"}))),
        ("not yet", says(json!({"nbf": now + 600}))),
        ("no subject", says(json!({"sub": "ada"}))),
    ];
    for (what, token) in bad {
        let answer = with_token(&world, &token).await;
        assert_eq!(answer.problem(), (401, "token-invalid"), "{what}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
    }
    let basic = Ask::new(Method::GET, "/api/v1/token").with("authorization", "Basic YTpi");
    assert_eq!(world.send(basic.body(Body::empty())).await.problem().0, 401);
}

#[tokio::test]
async fn keys_rotate_with_overlap() {
    let world = World::start().await;
    let old = Tokens::new(KeyRing::from_seeds(&[OLD_KEY]).unwrap(), "daybook", "daybook");
    let account = AccountId::new(Uuid::new_v4());
    let now = service_kit::clock::now();
    let issued = old.issue(account, Uuid::new_v4(), vec![Role::Member], now);
    assert_eq!(with_token(&world, &issued.token).await.status, 200);

    let jwks = world.get("/.well-known/jwks.json").await;
    assert_eq!(jwks.body["keys"].as_array().map(Vec::len), Some(2));
    assert_eq!(jwks.body["keys"][0]["alg"], "EdDSA");
    assert!(!jwks.text.contains("\"d\""), "a private key is published");
}

#[test]
fn a_key_file_is_read_line_by_line() {
    let line = KeyRing::new_line();
    let keys = KeyRing::parse(&format!("# newest first\n{line}\n\n{}\n", KeyRing::new_line()));
    assert_eq!(keys.unwrap().jwks()["keys"].as_array().map(Vec::len), Some(2));
    assert!(KeyRing::parse("").is_err());
    assert!(KeyRing::parse("c2hvcnQ=").is_err());
    assert!(!format!("{:?}", KeyRing::parse(&line).unwrap()).contains(&line));
}
