//! Making a proof of one's own, of the parts that its maker would use.

use proofs::canon::{CallId, Seq};
use proofs::enforcement::Passage;
use proofs::gate::{Clearance, Open, Permit};
use proofs::journal::{Noted, Receipt, Slot};
use proofs::permission::{Claims, Kind, Verified};
use proofs::protocol::Sealed;

fn a_permit(id: CallId, request: Sealed, passage: Passage) {
    let _ = Permit { id, request, passage }; //~ E0451
}

fn a_permit_for_another_call(permit: Permit, id: CallId) {
    let _ = Permit { id, ..permit }; //~ E0451
}

fn a_receipt(key: CallId, seq: Seq, slot: Slot) {
    let _ = Receipt { key, seq, slot }; //~ E0451
}

fn a_note(key: CallId, slot: Slot) {
    let _ = Noted { key, slot }; //~ E0451
}

fn a_slot() {
    let _ = Slot { open: None, hand: loop {} }; //~ E0451 //~ private type //~ private type
}

fn a_clearance(id: CallId, request: Sealed) {
    let _ = Clearance { id, request, warnings: vec![], slot: None }; //~ E0451
}

fn an_open_call(call: CallId, slot: Slot) {
    let _ = Open { call, slot: Some(slot) }; //~ E0451
}

fn a_verified_permission(kind: Kind, kid: String, claims: Claims) {
    let _ = Verified { kind, kid, claims }; //~ E0451
}
