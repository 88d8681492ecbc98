// SPDX-License-Identifier: Apache-2.0

// h2spec against an address, with its report as JUnit XML: the library's command without its command line's libraries.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/summerwind/h2spec"
	"github.com/summerwind/h2spec/config"
)

func main() {
	c := config.Config{Timeout: time.Second, MaxHeaderLen: 4000}
	flag.StringVar(&c.Host, "host", "127.0.0.1", "where the server listens")
	flag.IntVar(&c.Port, "port", 0, "its port")
	flag.StringVar(&c.Path, "path", "/", "what is asked for")
	flag.StringVar(&c.JUnitReport, "junit", "", "where the report goes")
	flag.DurationVar(&c.Timeout, "timeout", time.Second, "how long an answer may take")
	flag.Parse()
	c.Sections = flag.Args()
	if _, err := h2spec.Run(&c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
