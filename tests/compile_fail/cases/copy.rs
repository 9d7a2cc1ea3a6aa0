//! Getting a second proof out of one, out of nothing, or out of bytes.

use proofs::gate::{Clearance, Open, Permit};
use proofs::journal::{Noted, Receipt, Slot};
use proofs::permission::Verified;
use proofs::serde::Serialize;
use proofs::serde::de::DeserializeOwned;

fn cloned<T: Clone>() {}
fn from_nothing<T: Default>() {}
fn from_bytes<T: DeserializeOwned>() {}
fn to_bytes<T: Serialize>() {}

fn each_cloned() {
    cloned::<Permit>(); //~ E0277
    cloned::<Clearance>(); //~ E0277
    cloned::<Open>(); //~ E0277
    cloned::<Receipt>(); //~ E0277
    cloned::<Noted>(); //~ E0277
    cloned::<Slot>(); //~ E0277
    cloned::<Verified>(); //~ E0277
}

fn each_from_nothing() {
    from_nothing::<Permit>(); //~ E0277
    from_nothing::<Clearance>(); //~ E0277
    from_nothing::<Open>(); //~ E0277
    from_nothing::<Receipt>(); //~ E0277
    from_nothing::<Noted>(); //~ E0277
    from_nothing::<Slot>(); //~ E0277
    from_nothing::<Verified>(); //~ E0277
}

fn each_from_bytes() {
    from_bytes::<Permit>(); //~ E0277
    from_bytes::<Clearance>(); //~ E0277
    from_bytes::<Open>(); //~ E0277
    from_bytes::<Receipt>(); //~ E0277
    from_bytes::<Noted>(); //~ E0277
    from_bytes::<Slot>(); //~ E0277
    from_bytes::<Verified>(); //~ E0277
}

fn each_to_bytes() {
    to_bytes::<Permit>(); //~ E0277
    to_bytes::<Clearance>(); //~ E0277
    to_bytes::<Open>(); //~ E0277
    to_bytes::<Receipt>(); //~ E0277
    to_bytes::<Noted>(); //~ E0277
    to_bytes::<Slot>(); //~ E0277
    to_bytes::<Verified>(); //~ E0277
}
