// Package content is pure text work on what strangers write: cleaning HTML, turning HTML into text
// and text into HTML, finding the words a person wrote among quotes and signatures, and cutting
// previews. Every function takes any bytes, answers valid UTF-8, runs in time linear in its input
// and keeps no state. It knows neither a database nor the network.
package content
