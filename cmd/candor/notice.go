package main

type noticeCmd struct {
	Lint noticeLintCmd `cmd:"" help:"Judge letters by the rules: what is missing, vague, wrong or looks like phishing."`
}
