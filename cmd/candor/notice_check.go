package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"candor.example/internal/delivery"
)

type noticeCheckCmd struct {
	File string `arg:"" type:"path" help:"The notice as the mail program saved it (.eml), with its headers; '-' is standard input."`
	Key  string `required:"" type:"existingfile" placeholder:"FILE" help:"The shop's public signing key: sign.pub, or key.txt beside its published reports. Take it from a place that you trust, such as its own site."`
	JSON bool   `help:"Print as JSON."`
}

func (noticeCheckCmd) Help() string {
	return `Is this message a notice that the shop wrote, word for word? It needs no network, and opens nothing that the message names.

Exit status: 0 it is genuine, 1 it is not, 2 trouble: that could not be found out.`
}

func (c *noticeCheckCmd) Run() error {
	eml, err := c.read()
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return err
	}
	checked, err := delivery.Check(eml, string(key))
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(checked); err != nil {
			return err
		}
	} else {
		printChecked(checked)
	}
	if !checked.Genuine {
		return errFound
	}
	return nil
}

// read takes one byte more than may be, so that Check says so.
func (c *noticeCheckCmd) read() ([]byte, error) {
	if c.File == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, delivery.MaxChecked+1))
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.New(c.File + ": it is a folder: name one saved message")
	}
	return io.ReadAll(io.LimitReader(f, delivery.MaxChecked+1))
}

func printChecked(c delivery.Checked) {
	if c.Genuine {
		fmt.Printf("Genuine: %s made this notice, and its words are as they were signed.\n", c.Signer)
	} else {
		fmt.Printf("NOT genuine, as far as the key of %s tells: do not follow what it says.\n", c.Signer)
		for _, why := range c.Why {
			fmt.Printf("  - %s\n", why)
		}
	}
	if c.Campaign != "" {
		fmt.Printf("\nCampaign  %s\nDated     %s\nCode      %s\n", c.Campaign, c.Sent.UTC().Format(time.RFC1123), c.Code)
	}
	if len(c.Changed) > 0 {
		fmt.Printf("\nNot as it was sent: %s.\n", strings.Join(c.Changed, "; "))
	}
	fmt.Println("\nNot checked:")
	for _, n := range c.NotChecked {
		fmt.Printf("  - %s\n", n)
	}
}
