package api

import "github.com/deskbell/deskbell/inbox"

type address struct {
	Name    string `json:"name" required:"false" maxLength:"200"`
	Address string `json:"address" maxLength:"320"`
}

func showAddresses(list []inbox.Address) []address {
	shown := make([]address, len(list))
	for i, a := range list {
		shown[i] = address(a)
	}
	return shown
}

func addresses(list []address) []inbox.Address {
	read := make([]inbox.Address, len(list))
	for i, a := range list {
		read[i] = inbox.Address(a)
	}
	return read
}
