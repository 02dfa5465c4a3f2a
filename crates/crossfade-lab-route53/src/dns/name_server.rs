//! One authoritative name server: its view, which takes changes up late, and its answers.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::counters::CounterCells;
use crate::dns::answer::{Sources, answer};
use crate::dns::message::{Carrier, Request, Unanswerable};
use crate::dns::transport::Responder;
use crate::dns::view::{View, ViewChange};
use crate::faults::Faults;
use crate::load_balancers::LoadBalancerNames;
use crate::store::Store;

/// A change on its way to one name server.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) change_id: Arc<str>,
    /// When this name server takes it up, unless an earlier change is still ahead of it.
    pub(crate) ready_at: Instant,
    pub(crate) change: Arc<ViewChange>,
}

/// One of the four.
pub(crate) struct NameServer {
    index: usize,
    view: RwLock<View>,
    load_balancers: LoadBalancerNames,
    faults: Faults,
    counters: Arc<CounterCells>,
    draws: Mutex<fastrand::Rng>,
}

impl NameServer {
    pub(crate) fn new(
        index: usize,
        seed: u64,
        load_balancers: LoadBalancerNames,
        faults: Faults,
        counters: Arc<CounterCells>,
    ) -> Self {
        Self {
            index,
            view: RwLock::new(View::default()),
            load_balancers,
            faults,
            counters,
            draws: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Takes changes up, each at its time and in their order, until the store is gone.
    pub(crate) async fn take_up(
        self: Arc<Self>,
        mut updates: mpsc::UnboundedReceiver<Update>,
        store: Arc<Store>,
    ) {
        let mut frozen = self.faults.frozen(self.index);
        let (mut later, share) = self.faults.later(self.index);
        while let Some(update) = updates.recv().await {
            loop {
                let ready_at = update.ready_at + later.borrow_and_update().mul_f64(share);
                tokio::select! {
                    () = tokio::time::sleep_until(ready_at) => break,
                    Ok(()) = later.changed() => {}
                }
            }
            if frozen.wait_for(|frozen| !frozen).await.is_err() {
                return;
            }
            self.view.write().unwrap_or_else(PoisonError::into_inner).apply(&update.change);
            store.taken_up(&update.change_id);
        }
    }

    fn reply(&self, packet: &[u8], carrier: Carrier) -> Option<Vec<u8>> {
        let request = match Request::read(packet) {
            Ok(request) => request,
            Err(Unanswerable::Ignored) => return None,
            Err(Unanswerable::Refused(reply)) => return Some(reply),
        };
        let mut draw = || {
            let mut draws = self.draws.lock().unwrap_or_else(PoisonError::into_inner);
            draws.u64(..)
        };
        let question = request.question();
        let found = answer(
            &mut Sources {
                view: &self.view.read().unwrap_or_else(PoisonError::into_inner),
                load_balancers: &self.load_balancers,
                draw: &mut draw,
            },
            &question.name,
            question.query_type,
        );
        request.encode(&request.reply_with(found), carrier)
    }
}

impl Responder for NameServer {
    const WAITS: bool = false;

    async fn respond(&self, packet: &[u8], carrier: Carrier) -> Option<Vec<u8>> {
        self.counters.name_server_queries[self.index].fetch_add(1, Ordering::Relaxed);
        if self.faults.is_down(self.index) {
            return None;
        }
        self.reply(packet, carrier)
    }
}
