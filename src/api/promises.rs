//! Promises that the machines settle by their ticket.

use super::errors;
use crate::meeting::{Outcome, Refused, Ticket};
use crate::values::object;
use js_sys::{Function, Promise};
use std::cell::{Cell, RefCell};
use wasm_bindgen::JsValue;

/// Promises that are not settled yet.
#[derive(Default)]
pub struct Promises {
    last: Cell<Ticket>,
    open: RefCell<Vec<(Ticket, Function, Function)>>,
}

impl Promises {
    /// A new promise and its ticket.
    pub fn open(&self) -> (Ticket, Promise) {
        let ticket = self.last.get().wrapping_add(1);
        self.last.set(ticket);
        let promise = Promise::new(&mut |resolve, reject| {
            self.open.borrow_mut().push((ticket, resolve, reject))
        });
        (ticket, promise)
    }

    /// Settles it; an agent's outcome carries the agent's handle.
    pub fn settle(&self, ticket: Ticket, agent: u32, result: Result<Outcome, Refused>) {
        let open = {
            let mut open = self.open.borrow_mut();
            open.iter()
                .position(|(t, ..)| *t == ticket)
                .map(|at| open.swap_remove(at))
        };
        let Some((_, resolve, reject)) = open else {
            return;
        };
        // Neither function throws: they are the promise's own.
        let _ = match result {
            Ok(outcome) => resolve.call1(&JsValue::UNDEFINED, &outcome_value(agent, outcome)),
            Err(refused) => reject.call1(&JsValue::UNDEFINED, &errors::error(&refused)),
        };
    }
}

fn outcome_value(agent: u32, outcome: Outcome) -> JsValue {
    match outcome {
        Outcome::Done => JsValue::UNDEFINED,
        Outcome::Agent(identity) => {
            let name = identity
                .display_name
                .map_or(JsValue::UNDEFINED, JsValue::from);
            object!([
                ("agent", agent.into()),
                ("identity", identity.id.0.into()),
                ("displayName", name),
            ])
        }
        Outcome::Admitted {
            success_count,
            failure_count,
        } => object!([
            ("successCount", success_count.into()),
            ("failureCount", failure_count.into()),
        ]),
    }
}
