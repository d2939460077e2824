//! A Deskbridge without XMPP and assistant, over a real socket.

use deskbridge::{
    address::{Policy, Private},
    api::{self, Api, Identity, Proxies, Rates, Tokens},
    attachments::Folder,
    health::Health,
    helpdesk::{Clock, Desk, Helpdesk, Limits, Store},
    knowledge::Library,
    metrics::Metrics,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{database::Database, stage::JWT_SECRET};

/// Serves the desks `support` and `billing` of a database until the test ends; gives the port.
pub async fn serve(database: &Database) -> (u16, Helpdesk) {
    let store = Store::connect(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let desks = ["support", "billing"].map(|name| Desk { limits: Limits::NONE, ..Desk::new(name, name) });
    let (helpdesk, work) = Helpdesk::new(store, Clock::default(), "help.localhost", desks.into());
    tokio::spawn(work);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = api::router(Api {
        helpdesk: helpdesk.clone(),
        identity: Identity::new(Some(Tokens::new(JWT_SECRET)), None),
        rates: Rates::new(|_| None),
        proxies: Proxies::default(),
        health: Health::default(),
        metrics: Metrics::default(),
        attachments: Folder::open(&database.folder.path().join("files")).unwrap(),
        library: Library::default(),
        receivers: Policy::new(Private::Refused, false),
    });
    tokio::spawn(api::serve(listener, router, CancellationToken::new()));
    (port, helpdesk)
}
