//! Changing what a proof is about, or calling its maker.

use proofs::canon::{CallId, Seq};
use proofs::gate::{Clearance, Permit};
use proofs::journal::{Receipt, Slot};
use proofs::protocol::{Sealed, ToolCall};

fn a_permit_for_other_bytes(mut permit: Permit, request: Sealed) {
    permit.request = request; //~ E0616
}

fn a_receipt_by_its_maker(key: CallId, seq: Seq, slot: Slot) {
    let _ = Receipt::new(key, seq, slot); //~ E0624
}

fn a_receipt_of_another_call(mut receipt: Receipt, key: CallId) {
    receipt.key = key; //~ E0616
}

fn a_clearance_for_other_bytes(mut clearance: Clearance, request: Sealed) {
    clearance.request = request; //~ E0616
}

fn a_judged_call_with_other_bytes(mut call: ToolCall<()>, sealed: Sealed) {
    call.sealed = sealed; //~ E0616
}
