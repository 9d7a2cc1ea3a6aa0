//! Forgetting a proof that one was given.

use proofs::gate::{Clearance, Open, Permit};
use proofs::journal::{Noted, Receipt, Slot};
use proofs::permission::Verified;

fn some<T>() -> T {
    loop {}
}

fn forgotten(clearance: Clearance, receipt: Receipt) {
    some::<Permit>(); //~ Permit` that must be used
    some::<Clearance>(); //~ Clearance` that must be used
    some::<Open>(); //~ Open` that must be used
    some::<Receipt>(); //~ Receipt` that must be used
    some::<Noted>(); //~ Noted` that must be used
    some::<Slot>(); //~ Slot` that must be used
    some::<Verified>(); //~ Verified` that must be used
    receipt.into_slot(); //~ Slot` that must be used
}
