// Program check-rules reads a rule file from its standard input as Prometheus does: expressions, templates, names of labels.
// It says what is wrong, one line for each problem.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/prometheus/prometheus/model/rulefmt"
)

func main() {
	content, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	_, problems := rulefmt.Parse(content, false)
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}
