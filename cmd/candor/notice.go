package main

type noticeCmd struct {
	Draft    noticeDraftCmd    `cmd:"" help:"Write the notice of an incident from the ledger's facts, or replace words of it."`
	Facts    noticeFactsCmd    `cmd:"" help:"Print the facts that a notice is written from."`
	Preview  noticePreviewCmd  `cmd:"" help:"Show what one person would get."`
	List     noticeListCmd     `cmd:"" help:"List the notices, and where each stands."`
	Status   noticeStatusCmd   `cmd:"" help:"Where one stands: approvals, people, what became of each."`
	Freeze   noticeFreezeCmd   `cmd:"" help:"Fix who will be told."`
	Waive    noticeWaiveCmd    `cmd:"" help:"Let a finding of level W stand, with a reason."`
	Feasible noticeFeasibleCmd `cmd:"" help:"Will it be done in time? How long it takes, and what the clocks of the law say to it."`
	Seed     noticeSeedCmd     `cmd:"" help:"Send it to mailboxes of your own first, and put on record what their servers say of it."`
	Approve  noticeApproveCmd  `cmd:"" help:"Say yes to the words and the set of people."`
	Send     noticeSendCmd     `cmd:"" help:"Let a share of the people go, or all, and send."`
	Pause    noticePauseCmd    `cmd:"" help:"Begin with nobody more, until it is resumed."`
	Resume   noticeResumeCmd   `cmd:"" help:"Go on."`
	Cancel   noticeCancelCmd   `cmd:"" help:"Send to nobody more."`
	People   noticePeopleCmd   `cmd:"" help:"List people in a state: in doubt, bounced, withheld."`
	Bounces  noticeBouncesCmd  `cmd:"" help:"Read what comes back: bounces, complaints, reports of success."`
	Resolve  noticeResolveCmd  `cmd:"" help:"Settle a doubt."`
	Export   noticeExportCmd   `cmd:"" help:"Who could not be reached, in a file that only whoever sends letters can open."`
	Channel  noticeChannelCmd  `cmd:"" help:"Who could not be reached is told by post, or on the shop's own site."`
	Done     noticeDoneCmd     `cmd:"" help:"Everybody is settled."`
	DKIM     noticeDKIMCmd     `cmd:"" name:"dkim" help:"Make the keys that mail is signed with, print their DNS records, and check them."`
	Check    noticeCheckCmd    `cmd:"" help:"Is a saved message a notice of this shop, word for word?"`
	Lint     noticeLintCmd     `cmd:"" help:"Judge letters by the rules: what is missing, vague, wrong or looks like phishing."`
}
