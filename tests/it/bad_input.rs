//! Bad input, bad policies, bad neighbours: nothing of it makes a strict mode forward what is not a clean allow, read a body in two ways, or fall over.

mod covering;
mod differential;
mod floods;
mod matrix;
mod mutants;
mod neighbours;
