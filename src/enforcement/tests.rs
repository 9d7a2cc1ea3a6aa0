//! Tests of the table: the cells of the design written by hand, the golden file of every case, the properties, the codes.

mod cells;
mod codes;
mod golden;
mod product;
mod properties;
mod settings;
