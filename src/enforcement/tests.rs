//! Tests of the table: the golden file, the cells of the design written by hand, the properties, the codes.
