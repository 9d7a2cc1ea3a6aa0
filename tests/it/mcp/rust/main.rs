//! The official Rust client: lists the tools, calls one that the policy allows and one that it refuses, says what it saw.

use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig, ProtocolVersion};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, revision] = &arguments[..] else { return Err("say the URL and the revision".into()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(probe(url, revision))
}

async fn probe(url: &str, revision: &str) -> Result<(), Box<dyn Error>> {
    let lifecycle = match ProtocolVersion::LATEST {
        latest if latest.as_str() == revision => ClientLifecycleMode::Discover { preferred_versions: vec![latest] },
        _ => ClientLifecycleMode::Initialize,
    };
    let client = ClientConfig::default().serve_with_lifecycle(StreamableHttpClientTransport::from_uri(url), lifecycle).await?;
    let spoken = client.peer_info().map(|peer| peer.protocol_version.to_string());
    if spoken.as_deref() != Some(revision) {
        return Err(format!("it speaks {spoken:?} instead of {revision}").into());
    }
    let tools: Vec<String> = client.list_all_tools().await?.into_iter().map(|tool| tool.name.into_owned()).collect();
    let allowed = client.call_tool(CallToolRequestParams::new("test_simple_text")).await?;
    let refused = client.call_tool(CallToolRequestParams::new("test_error_handling")).await?;
    let seen = serde_json::json!({
        "tools": tools,
        "allowed": text(&allowed),
        "error": refused.is_error.unwrap_or(false),
        "refused": text(&refused),
    });
    println!("{seen}");
    client.cancel().await?;
    Ok(())
}

fn text(result: &CallToolResult) -> Option<&str> {
    Some(result.content.first()?.as_text()?.text.as_str())
}
