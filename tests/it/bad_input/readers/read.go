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
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type call struct {
	Name      *string        `json:"name"`
	Arguments map[string]any `json:"arguments"`
}

type read struct {
	Method    string `json:"method"`
	Tool      any    `json:"tool"`
	Arguments any    `json:"arguments"`
}

// The parameters of a method that the server knows have a type, those of others have none.
func (seen *message) read() (*read, error) {
	if seen.Method == "" {
		return nil, nil
	}
	if len(seen.Params) == 0 {
		return &read{Method: seen.Method}, nil
	}
	if seen.Method == "tools/call" {
		var params call
		err := json.Unmarshal(seen.Params, &params)
		if params.Arguments == nil {
			return &read{seen.Method, params.Name, nil}, err
		}
		return &read{seen.Method, params.Name, params.Arguments}, err
	}
	var params map[string]any
	err := json.Unmarshal(seen.Params, &params)
	return &read{seen.Method, params["name"], params["arguments"]}, err
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
		if json.Unmarshal(body, &seen) == nil {
			if read, err := seen.read(); err == nil {
				said.Read = read
			}
		}
		if err := encoder.Encode(said); err != nil {
			log.Fatal(err)
		}
	}
}
