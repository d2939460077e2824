//! How often one may ask.

use std::{net::IpAddr, time::Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::{Rate, visitor::Peer};

/// A desk where everybody has three requests at once and one each second, behind these proxies.
async fn three_at_once(proxies: &[&str]) -> Desks {
    let desks = Desks::new().await;
    let number = |number: u32| number.try_into().unwrap();
    let rates = Rates::new(|_| Some(Rate { per_second: number(1), burst: number(3) }));
    let proxies = Proxies::new(proxies.iter().map(|network| network.parse().unwrap()).collect());
    Desks { router: router(Api { rates, proxies, ..desks.api.clone() }), ..desks }
}

/// Who asks: with this token, from this address, with this `X-Forwarded-For`.
#[derive(Clone, Copy)]
struct From<'a>(Option<&'a str>, &'a str, Option<&'a str>);

impl From<'_> {
    async fn ask(self, desks: &Desks, path: &str) -> Answer {
        let mut request = request(Method::GET, path, self.0, None);
        request.extensions_mut().insert(Peer(self.1.parse::<IpAddr>().unwrap()));
        if let Some(hops) = self.2 {
            request.headers_mut().insert("x-forwarded-for", hops.parse().unwrap());
        }
        desks.ask(request).await
    }

    /// Asks until it is told to wait, which must not come before the third answer and not long after; gives the refusal.
    async fn exhaust(self, desks: &Desks) -> Answer {
        let began = Instant::now();
        for answered in 0.. {
            let answer = self.ask(desks, TICKETS).await;
            if answer.status == 429 {
                assert!(answered >= 3, "refused after {answered}");
                return answer;
            }
            assert!(answered <= 3 + began.elapsed().as_secs(), "{answered} were answered");
        }
        unreachable!()
    }

    /// Whether a request of this caller would be answered.
    async fn is_free(self, desks: &Desks) -> bool {
        self.ask(desks, TICKETS).await.status != 429
    }
}

/// The next refusal of somebody whose bucket is empty, at most a second's drop aside.
async fn refusal(from: From<'_>, desks: &Desks) -> Answer {
    for _ in 0..10 {
        let answer = from.ask(desks, TICKETS).await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("never refused")
}

#[tokio::test]
async fn without_a_valid_token_the_address_is_limited_and_nobody_else_is() {
    let desks = three_at_once(&[]).await;
    let (missing, wrong) = (From(None, "192.0.2.1", None), From(Some("not.a.token"), "192.0.2.1", None));
    // Guessing tokens counts as asking without one.
    wrong.exhaust(&desks).await;
    let refused = refusal(missing, &desks).await;
    let message = refused.failure(429, "RATE_LIMITED");
    assert!(message.contains("1 s"), "{message}");
    assert_eq!((refused.header("retry-after"), refused.header("x-ratelimit-remaining")), ("1", "0"));
    let ann = customer(ANN);
    for other in [From(None, "192.0.2.2", None), From(Some(&ann), "192.0.2.1", None)] {
        assert!(other.is_free(&desks).await);
    }
    // Probes are answered all the same, and do not count.
    for _ in 0..20 {
        let probe = missing.ask(&desks, "/healthz").await;
        assert!(probe.status == 503 && !probe.headers.contains_key("x-ratelimit-limit"), "{}", probe.text);
    }
}

#[tokio::test]
async fn a_tokens_owner_is_limited_wherever_the_requests_come_from_and_with_whatever_token() {
    let desks = three_at_once(&[]).await;
    let (one, again) = (agent("eve"), agent_of("support"));
    let eve = mint(&Claims { name: Some("Eve".into()), ..claims("limited", Role::Agent) });
    assert_ne!(again, eve);
    From(Some(&again), "192.0.2.1", None).exhaust(&desks).await;
    assert!(!From(Some(&eve), "192.0.2.9", None).is_free(&desks).await);
    assert!(From(Some(&one), "192.0.2.1", None).is_free(&desks).await);
    // The same name in another role is somebody else.
    let program = mint(&claims("limited", Role::Service));
    assert!(From(Some(&program), "192.0.2.1", None).is_free(&desks).await);
}

#[tokio::test]
async fn of_ipv6_the_network_counts_and_a_header_only_behind_a_trusted_proxy() {
    let desks = three_at_once(&["10.0.0.0/8"]).await;
    From(None, "2001:db8:1:2::3", None).exhaust(&desks).await;
    assert!(!From(None, "2001:db8:1:2:ffff::9", None).is_free(&desks).await);
    assert!(From(None, "2001:db8:1:3::3", None).is_free(&desks).await);
    // Nobody gets more by a header of one's own.
    From(None, "192.0.2.1", Some("198.51.100.1")).exhaust(&desks).await;
    assert!(!From(None, "192.0.2.1", Some("198.51.100.2")).is_free(&desks).await);
    // Behind the proxy each client counts by itself, whatever it wrote before the proxy's entry.
    From(None, "10.0.0.1", Some("198.51.100.1")).exhaust(&desks).await;
    assert!(!From(None, "10.0.0.1", Some("203.0.113.1, 198.51.100.1")).is_free(&desks).await);
    assert!(From(None, "10.0.0.1", Some("198.51.100.2")).is_free(&desks).await);
}

#[tokio::test]
async fn every_answer_tells_what_is_left_and_nothing_is_told_where_there_is_no_limit() {
    let desks = Desks::new().await;
    let number = |number: u32| number.try_into().unwrap();
    let rates = Rates::new(|role| {
        let burst = if role.is_none() { 50 } else { 40 };
        (role != Some(Role::Admin)).then(|| Rate { per_second: number(20), burst: number(burst) })
    });
    let desks = Desks { router: router(Api { rates, ..desks.api.clone() }), ..desks };
    let ann = customer(ANN);
    let now = desks.api.helpdesk.clock().now().timestamp();
    let answers = [
        desks.get(&ann, TICKETS).await,
        desks.get(&ann, "/nowhere").await,
        desks.put(&ann, TICKETS, json!({})).await,
        desks.post(&ann, TICKETS, json!({})).await,
        desks.post(&ann, TICKETS, json!({ "jid": ANN, "message": "hi" })).await,
    ];
    for (answer, (status, least)) in answers.iter().zip([(200, 39), (404, 38), (405, 37), (422, 36), (201, 35)]) {
        assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-limit")), (status, "20"));
        // A moment may have brought some back.
        let left: u32 = answer.header("x-ratelimit-remaining").parse().unwrap();
        assert!((least..40).contains(&left), "{status}: {left}");
        let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
        assert!((now..now + 30).contains(&reset), "{reset}");
    }
    assert_eq!(desks.get("no.valid.token", TICKETS).await.header("x-ratelimit-remaining"), "49");
    assert!(!desks.get(&admin(), TICKETS).await.headers.contains_key("x-ratelimit-limit"));
}

#[tokio::test]
async fn an_address_is_that_of_the_connection() {
    let desks = three_at_once(&[]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(crate::api::serve(listener, desks.router.clone(), stop.clone()));
    let ask = async |from: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let line =
            format!("GET {TICKETS} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {from}0\r\nConnection: close\r\n\r\n");
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer[9..12].to_owned()
    };
    let began = Instant::now();
    let mut answered = 0;
    while ask("127.0.0.2").await == "401" {
        answered += 1;
        assert!(answered <= 3 + began.elapsed().as_secs(), "{answered} were answered");
    }
    assert!(answered >= 3, "refused after {answered}");
    assert_eq!(ask("127.0.0.3").await, "401");
    stop.cancel();
    serving.await.unwrap();
}
