//! Using a proof twice.

use proofs::enforcement::Rules;
use proofs::gate::{Clearance, Open, Permit};
use proofs::journal::{Noted, Receipt, Slot, Unrecorded};
use proofs::protocol::ToolCall;
use proofs::record::Outcome;

fn a_permit_with_two_receipts(permit: Permit, first: Receipt, second: Receipt) {
    let _ = permit.clear(first);
    let _ = permit.clear(second); //~ E0382
}

fn a_permit_on_both_ways(permit: Permit, receipt: Receipt, rules: &Rules, why: Unrecorded) {
    let _ = permit.clear(receipt);
    let _ = permit.clear_unrecorded(rules, why); //~ E0382
}

fn a_receipt_for_two_permits(first: Permit, second: Permit, receipt: Receipt) {
    let _ = first.clear(receipt);
    let _ = second.clear(receipt); //~ E0382
}

fn a_note_for_two_permits(first: Permit, second: Permit, rules: &Rules, noted: Noted) {
    let _ = first.clear_noted(rules, noted);
    let _ = second.clear_noted(rules, noted); //~ E0382
}

fn a_receipt_after_its_slot_was_taken(permit: Permit, receipt: Receipt) {
    let _ = receipt.into_slot();
    let _ = permit.clear(receipt); //~ E0382
}

fn a_clearance_sent_twice(clearance: Clearance) {
    let _ = clearance.open();
    let _ = clearance.open(); //~ E0382
}

fn a_clearance_behind_a_reference(clearance: &Clearance) {
    let _ = clearance.open(); //~ E0507
}

fn an_outcome_told_twice(open: Open, first: Outcome, second: Outcome) {
    open.conclude(first);
    open.conclude(second); //~ E0382
}

fn an_outcome_told_past_the_gate(slot: Slot, first: Outcome, second: Outcome) {
    slot.conclude(first);
    slot.conclude(second); //~ E0382
}

fn the_bytes_of_a_call_after_it_was_judged(call: ToolCall<()>) {
    let _ = call.into_sealed();
    let _ = call.body_bytes(); //~ E0382
}
