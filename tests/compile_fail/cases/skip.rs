//! Leaving a step out.

use proofs::canon::{CallId, Seq};
use proofs::enforcement::{Passage, Refusal, Rules, Unrecorded};
use proofs::gate::{Clearance, Open, Outgoing, Permit};
use proofs::journal::{Noted, Receipt, Slot};
use proofs::record::Outcome;
use proofs::wire::Upstream;

fn opened_without_a_record(permit: Permit) {
    let _ = permit.open(); //~ E0599
}

fn cleared_without_a_receipt(permit: Permit) {
    let _ = permit.clear(); //~ E0061
}

fn cleared_by_a_note(permit: Permit, noted: Noted) {
    let _ = permit.clear(noted); //~ E0308
}

fn cleared_by_the_calls_id(permit: Permit, id: CallId) {
    let _ = permit.clear(id); //~ E0308
}

fn cleared_by_a_place_in_the_log(permit: Permit, seq: Seq) {
    let _ = permit.clear(seq); //~ E0308
}

fn unrecorded_by_a_word(permit: Permit, rules: &Rules) {
    let _ = permit.clear_unrecorded(rules, Unrecorded::Down); //~ E0308
}

fn the_bytes_out_of_a_permit(permit: Permit) {
    let _ = permit.request; //~ E0616
}

fn the_bytes_out_of_a_clearance(clearance: Clearance) {
    let _ = clearance.request; //~ E0616
}

fn the_receipt_alone_as_a_clearance(receipt: Receipt) {
    let _: Clearance = receipt.into(); //~ E0277
}

fn the_ruling_alone_as_a_permit(passage: Passage) {
    let _: Permit = passage.into(); //~ E0277
}

fn the_end_of_a_call_that_was_never_opened(clearance: Clearance, outcome: Outcome) {
    clearance.conclude(outcome); //~ E0599
}

fn the_duty_taken_out_of_an_open_call(open: Open) {
    let _: Option<Slot> = open.slot; //~ E0616
}

fn sent_without_a_record(upstream: &Upstream, permit: Permit) {
    let _ = upstream.send(permit, todo!(), todo!()); //~ E0308
}

fn sent_a_second_time(upstream: &Upstream, outgoing: Outgoing) {
    let _ = upstream.send(outgoing, todo!(), todo!()); //~ E0308
}

fn sent_past_the_clearance(upstream: &Upstream, outgoing: Outgoing) {
    let _ = upstream.exchange(outgoing, todo!(), todo!()); //~ E0624
}
