//! The published schema.

use super::schema;

#[test]
fn the_schema_is_json_and_names_every_field() {
    let text = schema();
    let json = canon::json::parse::<canon::json::Tree>(text.as_bytes(), &canon::json::Limits::default()).unwrap();
    assert!(matches!(json, canon::Json::Object(_)));
    for field in ["version", "spiffe_id", "claims", "arguments_digest", "headers", "labels", "relations", "definition"] {
        assert!(text.contains(&format!("\"{field}\": {{")), "{field}");
    }
}
