//! The table of routes: each with those it is for. The router, the OpenAPI document and the tests of rights are made of it, so
//! a route that is not here is nowhere, and one here that says nothing is for nobody.

use axum::{Extension, Router, middleware, routing::MethodRouter};
use utoipa::openapi::{RefOr, Schema, path::Paths};
use utoipa_axum::{router::UtoipaMethodRouter, routes};

use super::{
    Api,
    access::{self, Access, Foreign},
    agent, attachment, audit, conversation, copilot, customer, desk, etags,
    events::{self, Events},
    healthz,
    idempotency::{self, Running},
    knowledge, log, message, metrics, occupant,
    parameters::{self, Known},
    portion::Portions,
    presence, proposal, queue, room, staff, ticket, usage, webhook, webhook_delivery,
};
use crate::helpdesk::{SCOPE_METRICS, SCOPE_READ, SCOPE_ROOMS, SCOPE_WRITE};

/// A route as it is served and as it is described.
pub(super) struct Route {
    /// Who it is for; `None` for probes, which everybody may ask.
    pub access: Option<Access>,
    pub schemas: Vec<(String, RefOr<Schema>)>,
    pub paths: Paths,
    handler: MethodRouter<Api>,
}

impl Route {
    fn new(access: Option<Access>, (schemas, paths, handler): UtoipaMethodRouter<Api>) -> Self {
        Self { access, schemas, paths, handler }
    }

    fn layered(mut self, layer: impl FnOnce(MethodRouter<Api>) -> MethodRouter<Api>) -> Self {
        self.handler = layer(self.handler);
        self
    }
}

/// Programs that read tickets. Who may write may read.
const READERS: &[&str] = &[SCOPE_READ, SCOPE_WRITE];
/// Programs that speak as the customers they name.
const WRITERS: &[&str] = &[SCOPE_WRITE];

/// Everything that has a token in front.
pub(super) fn table() -> Vec<Route> {
    use Foreign::{Hidden, LeftOut, Refused, Shared};
    let portions = Portions::default();
    let live = Extension(Events::new(portions.clone()));
    let portions = Extension(portions);
    let to = Access::to;
    let one_ticket = to(Hidden).staff();
    let readers = |foreign| to(foreign).customers().staff().programs(READERS);
    let feed = to(Shared).programs(&[SCOPE_ROOMS]);
    let rows = [
        // A ticket, and who speaks in it.
        (to(Refused).customers().staff().programs(WRITERS), routes!(ticket::open)),
        (readers(LeftOut), routes!(ticket::list)),
        (readers(Hidden), routes!(staff::show)),
        (to(Hidden).customers().staff().programs(WRITERS), routes!(message::say)),
        (readers(Hidden), routes!(attachment::show)),
        // What people do with it.
        (one_ticket, routes!(staff::claim)),
        (one_ticket, routes!(staff::release)),
        (to(Hidden).admins(), routes!(staff::assign)),
        (to(Hidden).customers().staff(), routes!(staff::resolve)),
        (one_ticket, routes!(staff::reopen)),
        (to(Hidden).admins(), routes!(staff::close)),
        (one_ticket, routes!(staff::snooze)),
        (one_ticket, routes!(staff::note)),
        (one_ticket, routes!(staff::prioritise)),
        (one_ticket, routes!(staff::tag)),
        (one_ticket, routes!(staff::redact)),
        (one_ticket, routes!(copilot::suggest)),
        (one_ticket, routes!(copilot::summarise)),
        // Desks, and who is there.
        (readers(Shared), routes!(desk::list)),
        (to(LeftOut).staff(), routes!(queue::list)),
        (to(LeftOut).staff(), routes!(usage::list)),
        (to(Refused).customers().staff().programs(WRITERS), routes!(presence::set)),
        (readers(Refused), routes!(presence::show)),
        (to(LeftOut).staff(), routes!(agent::list)),
        (to(Shared).admins(), routes!(agent::bind)),
        (to(Shared).admins(), routes!(agent::remove)),
        (to(Refused).staff(), routes!(agent::set_duty)),
        // What desks know.
        (to(Refused).staff(), routes!(knowledge::list)),
        (to(Refused).staff(), routes!(knowledge::search)),
        (to(Shared).admins(), routes!(knowledge::put)),
        (to(Shared).admins(), routes!(knowledge::remove)),
        (to(Refused).staff(), routes!(proposal::list)),
        (to(Hidden).staff(), routes!(proposal::approve)),
        (to(Hidden).staff(), routes!(proposal::reject)),
        // The XMPP server's rooms.
        (feed, routes!(room::make)),
        (feed, routes!(room::end)),
        (to(LeftOut).staff(), routes!(room::list)),
        (feed, routes!(occupant::come)),
        (feed, routes!(occupant::turn)),
        (feed, routes!(occupant::go)),
        (to(Hidden).staff(), routes!(occupant::list)),
        // Programs that are told what happens.
        (to(Shared).admins(), routes!(webhook::make)),
        (to(Shared).admins(), routes!(webhook::list)),
        (to(Shared).admins(), routes!(webhook::show)),
        (to(Shared).admins(), routes!(webhook::change)),
        (to(Shared).admins(), routes!(webhook::remove)),
        (to(Shared).admins(), routes!(webhook::rotate)),
        (to(Shared).admins(), routes!(webhook::ping)),
        (to(Shared).admins(), routes!(webhook_delivery::list)),
        (to(Shared).admins(), routes!(webhook_delivery::replay)),
        // What is known of customers, and what the staff did.
        (to(Shared).admins(), routes!(customer::show)),
        (to(Shared).admins(), routes!(customer::erase)),
        (to(Shared).admins(), routes!(audit::list)),
        // Monitors.
        (to(Shared).admins().programs(&[SCOPE_METRICS]), routes!(metrics::show)),
    ];
    // Large answers share their places.
    let large = [
        (readers(Hidden), routes!(conversation::sync)),
        (readers(LeftOut), routes!(log::sync)),
        (to(Shared).admins(), routes!(customer::export)),
    ];
    let rows = rows.into_iter().map(|(access, parts)| Route::new(Some(access), parts));
    let large = large.into_iter().map(|(access, parts)| {
        let portions = portions.clone();
        Route::new(Some(access), parts).layered(|handler| handler.layer(portions))
    });
    let live = Route::new(Some(readers(LeftOut)), routes!(events::listen)).layered(|handler| handler.layer(live));
    rows.chain(large).chain([live]).collect()
}

/// What probes ask: without a token, and without a limit.
pub(super) fn probes() -> Vec<Route> {
    let database = Extension(healthz::Database::default());
    vec![
        Route::new(None, routes!(healthz::show)).layered(|handler| handler.layer(database)),
        Route::new(None, routes!(healthz::alive)),
    ]
}

/// The routes, each behind its guard.
pub(super) fn serve(routes: Vec<Route>, api: &Api) -> Router<Api> {
    let running = Running::default();
    let served = |router: Router<Api>, route: Route| {
        let guarded = match route.access {
            Some(access) => route
                .handler
                .route_layer(middleware::from_fn(etags::tag))
                .route_layer(middleware::from_fn_with_state((api.clone(), running.clone()), idempotency::once))
                .route_layer(middleware::from_fn_with_state((api.clone(), Known::of(&route.paths)), parameters::check))
                .route_layer(middleware::from_fn_with_state(access, access::guard)),
            None => route.handler,
        };
        // One each, by `routes!` of one handler.
        route.paths.paths.into_keys().fold(router, |router, path| router.route(&path, guarded.clone()))
    };
    routes.into_iter().fold(Router::new(), served)
}
