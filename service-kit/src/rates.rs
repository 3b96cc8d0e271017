//! How often a caller may ask.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use domain::AccountId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::Problem;
use crate::header::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// Requests a minute, for each key of each policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub struct RatesPerMinute {
    pub account: NonZeroU32,
    pub address: NonZeroU32,
    pub login: NonZeroU32,
}

impl Default for RatesPerMinute {
    fn default() -> Self {
        let rate = |n| NonZeroU32::new(n).expect("the default rates are not zero");
        Self { account: rate(1200), address: rate(600), login: rate(30) }
    }
}

/// Keys are forgotten once their bucket is full again; this often we look.
const FORGET_EVERY: u32 = 10_000;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// One bucket for each account, one for each address without an account, one for its log-ins and
/// one, as large, for its new passwords.
#[derive(Debug)]
pub struct Rates {
    account: Policy<AccountId>,
    address: Policy<IpAddr>,
    login: Policy<IpAddr>,
    reset: Policy<IpAddr>,
    /// How many proxies of ours stand before us; 0 believes no X-Forwarded-For.
    proxy_hops: usize,
}

#[derive(Debug)]
struct Policy<K: std::hash::Hash + Eq + Clone> {
    name: &'static str,
    limiter: Limiter<K>,
    quota: Quota,
    checks: AtomicU32,
}

/// What is left to a caller, for the answer's headers.
#[derive(Debug, Clone)]
pub struct Spent {
    policy: &'static str,
    quota: u32,
    remaining: u32,
    /// Seconds until the bucket is full again, or until one more request is allowed.
    reset: u64,
}

impl Rates {
    pub fn new(rates: RatesPerMinute, proxy_hops: usize) -> Self {
        Self {
            account: Policy::new("account", rates.account),
            address: Policy::new("address", rates.address),
            login: Policy::new("login", rates.login),
            reset: Policy::new("password-reset", rates.login),
            proxy_hops,
        }
    }

    /// Spends one request of the account, else of the client's address.
    pub(crate) fn spend(
        &self,
        account: Option<AccountId>,
        parts: &Parts,
    ) -> Result<Spent, Limited> {
        match account {
            Some(account) => self.account.spend(&account),
            None => self.address.spend(&self.client(parts)),
        }
    }

    pub(crate) fn spend_login(&self, parts: &Parts) -> Result<Spent, Limited> {
        self.login.spend(&self.client(parts))
    }

    pub(crate) fn spend_reset(&self, parts: &Parts) -> Result<Spent, Limited> {
        self.reset.spend(&self.client(parts))
    }

    /// The address that the outermost proxy of ours saw, else the peer's.
    fn client(&self, parts: &Parts) -> IpAddr {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |info| info.0.ip());
        let forwarded = forwarded_for(&parts.headers, self.proxy_hops);
        network(forwarded.unwrap_or(peer))
    }
}

/// Every hop appends the address it saw, so ours are the last ones; what stands before them was
/// written by the client and is worth nothing.
fn forwarded_for(headers: &HeaderMap, hops: usize) -> Option<IpAddr> {
    let all: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let index = all.len().checked_sub(hops.max(1))?;
    if hops == 0 { None } else { all.get(index)?.trim().parse().ok() }
}

/// One household or server has a whole IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

impl<K: std::hash::Hash + Eq + Clone> Policy<K> {
    fn new(name: &'static str, per_minute: NonZeroU32) -> Self {
        let quota = Quota::per_minute(per_minute);
        let limiter = RateLimiter::dashmap(quota).with_middleware();
        Self { name, limiter, quota, checks: AtomicU32::new(0) }
    }

    fn spend(&self, key: &K) -> Result<Spent, Limited> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let quota = self.quota.burst_size().get();
        match self.limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let reset = self.quota.replenish_interval() * (quota - remaining.min(quota));
                Ok(Spent { policy: self.name, quota, remaining, reset: seconds_up(reset) })
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.limiter.clock().now());
                let reset = seconds_up(wait).max(1);
                Err(Limited(Spent { policy: self.name, quota, remaining: 0, reset }))
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Limited(Spent);

impl Limited {
    pub(crate) fn spent(&self) -> &Spent {
        &self.0
    }
}

impl From<Limited> for Problem {
    fn from(Limited(spent): Limited) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate-limited",
            format!("more than {} requests a minute", spent.quota),
        )
        .retry_after(spent.reset)
    }
}

impl Spent {
    /// draft-ietf-httpapi-ratelimit-headers.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Self { policy, quota, remaining, reset } = self;
        let policy_text = format!("\"{policy}\";q={quota};w=60");
        let limit_text = format!("\"{policy}\";r={remaining};t={reset}");
        for (name, text) in [(RATE_LIMIT_POLICY, policy_text), (RATE_LIMIT, limit_text)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static("x-forwarded-for"),
            forwarded.parse().expect("a header value"),
        )])
    }

    #[test]
    fn only_the_hops_of_our_own_proxies_are_believed() {
        let spoofed = headers("6.6.6.6, 203.0.113.9, 10.0.0.1");
        assert_eq!(forwarded_for(&spoofed, 0), None);
        assert_eq!(forwarded_for(&spoofed, 1), "10.0.0.1".parse().ok());
        assert_eq!(forwarded_for(&spoofed, 2), "203.0.113.9".parse().ok());
        assert_eq!(forwarded_for(&headers("10.0.0.1"), 2), None);
    }

    #[test]
    fn one_ipv6_network_is_one_client() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn a_spent_bucket_says_when_to_come_back() {
        let policy = Policy::new("account", NonZeroU32::new(2).expect("two"));
        assert_eq!(policy.spend(&1).map(|s| s.remaining).ok(), Some(1));
        assert!(policy.spend(&1).is_ok());
        let limited = policy.spend(&1).expect_err("two a minute");
        assert!((1..=30).contains(&limited.0.reset), "{limited:?}");
        assert!(policy.spend(&2).is_ok(), "another account has its own bucket");
    }
}
