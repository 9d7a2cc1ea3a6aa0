// Command client is the official Go client: it lists the tools, calls one that the policy allows and one that it refuses, and says what it saw.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	ctx := context.Background()
	client := mcp.NewClient(&mcp.Implementation{Name: "probe", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: os.Args[1]}, &mcp.ClientSessionOptions{ProtocolVersion: os.Args[2]})
	check(err)
	defer session.Close()
	tools := []string{}
	for tool, err := range session.Tools(ctx, nil) {
		check(err)
		tools = append(tools, tool.Name)
	}
	allowed, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "test_simple_text"})
	check(err)
	refused, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "test_error_handling"})
	check(err)
	text := func(result *mcp.CallToolResult) string { return result.Content[0].(*mcp.TextContent).Text }
	seen := map[string]any{"tools": tools, "allowed": text(allowed), "error": refused.IsError, "refused": text(refused)}
	check(json.NewEncoder(os.Stdout).Encode(seen))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
