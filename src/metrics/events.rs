//! Those who listen to events as they happen.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// The metrics of the event stream. Clones share them.
#[derive(Clone, Debug)]
pub struct Events {
    listeners: Gauge,
    cut_off: Counter,
}

impl Events {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let events = Self { listeners: Gauge::default(), cut_off: Counter::default() };
        registry.register("event_listeners", "Who listens to events now", events.listeners.clone());
        let help = "Listeners that were cut off because they read too slowly";
        registry.register("event_listeners_cut_off", help, events.cut_off.clone());
        events
    }

    /// Somebody begins to listen.
    pub fn joined(&self) {
        self.listeners.inc();
    }

    /// And has stopped.
    pub fn left(&self) {
        self.listeners.dec();
    }

    /// And was cut off before.
    pub fn cut_off(&self) {
        self.cut_off.inc();
    }
}
