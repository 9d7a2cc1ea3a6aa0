// Command read says what Go's encoding/json reads in each body, as a server with typed messages does: a line of base64 in, a line of JSON out.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"log"
	"os"
)

type message struct {
	Method string `json:"method"`
	Params struct {
		Name      *string        `json:"name"`
		Arguments map[string]any `json:"arguments"`
	} `json:"params"`
}

type read struct {
	Method    string         `json:"method"`
	Tool      *string        `json:"tool"`
	Arguments map[string]any `json:"arguments"`
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		body, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		var seen message
		var said struct {
			Read *read `json:"read"`
		}
		if json.Unmarshal(body, &seen) == nil && seen.Method != "" {
			said.Read = &read{seen.Method, seen.Params.Name, seen.Params.Arguments}
		}
		if err := encoder.Encode(said); err != nil {
			log.Fatal(err)
		}
	}
}
