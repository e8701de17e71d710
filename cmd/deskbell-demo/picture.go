package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
)

// picture paints what stands for a customer's photo: a parcel on a table, with a crack.
func picture(random *rand.Rand) ([]byte, error) {
	const width, height = 480, 360
	canvas := image.NewRGBA(image.Rect(0, 0, width, height))
	wall, box := shade(random, 200), shade(random, 120)
	for y := range height {
		for x := range width {
			c := wall
			if y > height*2/3 {
				c = dim(wall, 60)
			}
			if x > 120 && x < 360 && y > 100 && y < 290 {
				c = dim(box, (x-120)/8)
			}
			canvas.SetRGBA(x, y, c)
		}
	}
	crack(canvas, random)
	var out bytes.Buffer
	err := png.Encode(&out, canvas)
	return out.Bytes(), err
}

// crack draws a wandering line from the top of the box to its foot.
func crack(canvas *image.RGBA, random *rand.Rand) {
	x := 180 + random.IntN(120)
	for y := 100; y < 290; y++ {
		x += random.IntN(5) - 2
		for d := range 3 {
			canvas.SetRGBA(x+d, y, color.RGBA{30, 25, 25, 255})
		}
	}
}

func shade(random *rand.Rand, base int) color.RGBA {
	some := func() uint8 { return uint8(min(255, base+random.IntN(56))) }
	return color.RGBA{some(), some(), some(), 255}
}

func dim(c color.RGBA, by int) color.RGBA {
	down := func(v uint8) uint8 { return uint8(max(0, int(v)-by)) }
	return color.RGBA{down(c.R), down(c.G), down(c.B), 255}
}
