package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// pictures are what people of the story post.
var pictures = map[string]struct {
	name string
	draw func(*canvas, *rand.Rand)
	jpeg bool
}{
	"loaf":  {"loaf.jpg", drawLoaf, true},
	"sea":   {"evening-sail.jpg", drawSea, true},
	"hills": {"hills.jpg", drawHills, true},
	"sales": {"sales.png", drawSales, false},
	"wind":  {"wind.png", drawWind, false},
	"bench": {"benchmarks.png", drawBench, false},
	"error": {"errors.png", drawErrors, false},
}

// paint draws a picture and returns it as a file.
func paint(kind string, r *rand.Rand) (name string, content []byte, err error) {
	p, ok := pictures[kind]
	if !ok {
		return "", nil, fmt.Errorf("there is no picture %q", kind)
	}
	c := newCanvas(960, 600)
	p.draw(c, r)
	var b bytes.Buffer
	if p.jpeg {
		err = jpeg.Encode(&b, c.done(), &jpeg.Options{Quality: 85})
	} else {
		err = png.Encode(&b, c.done())
	}
	return p.name, b.Bytes(), err
}

// canvas is drawn at twice the size and scaled down, which smooths every edge.
type canvas struct {
	img  *image.RGBA
	w, h float64 // of the finished picture
}

const grain = 2

func newCanvas(w, h int) *canvas {
	return &canvas{img: image.NewRGBA(image.Rect(0, 0, grain*w, grain*h)), w: float64(w), h: float64(h)}
}

func (c *canvas) done() *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, int(c.w), int(c.h)))
	draw.ApproxBiLinear.Scale(out, out.Bounds(), c.img, c.img.Bounds(), draw.Src, nil)
	return out
}

type point struct{ x, y float64 }

func rgb(v uint32) color.RGBA {
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

// mix is a colour between two.
func mix(a, b color.RGBA, t float64) color.RGBA {
	f := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*t) }
	return color.RGBA{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B), 255}
}

// set puts a colour, of some opacity, over a pixel of the grain.
func (c *canvas) set(x, y int, to color.RGBA, opacity float64) {
	if !(image.Point{x, y}).In(c.img.Rect) {
		return
	}
	if opacity < 1 {
		to = mix(c.img.RGBAAt(x, y), to, opacity)
	}
	c.img.SetRGBA(x, y, to)
}

// sky fills from y0 down to y1, from one colour to another.
func (c *canvas) sky(y0, y1 float64, top, bottom color.RGBA) {
	for y := int(grain * y0); y < int(grain*y1); y++ {
		to := mix(top, bottom, (float64(y)/grain-y0)/(y1-y0))
		for x := range c.img.Rect.Max.X {
			c.set(x, y, to, 1)
		}
	}
}

// disc fills an ellipse.
func (c *canvas) disc(at point, rx, ry float64, to color.RGBA, opacity float64) {
	for y := int(grain * (at.y - ry)); y <= int(grain*(at.y+ry)); y++ {
		dy := (float64(y)/grain - at.y) / ry
		if dy*dy > 1 {
			continue
		}
		half := rx * math.Sqrt(1-dy*dy)
		for x := int(grain * (at.x - half)); x <= int(grain*(at.x+half)); x++ {
			c.set(x, y, to, opacity)
		}
	}
}

// shape fills a polygon.
func (c *canvas) shape(to color.RGBA, opacity float64, corners ...point) {
	top, bottom := corners[0].y, corners[0].y
	for _, p := range corners {
		top, bottom = min(top, p.y), max(bottom, p.y)
	}
	for y := int(grain * top); y <= int(grain*bottom); y++ {
		row := (float64(y) + 0.5) / grain
		var cuts []float64
		for i, a := range corners {
			b := corners[(i+1)%len(corners)]
			if (a.y <= row) != (b.y <= row) {
				cuts = append(cuts, a.x+(row-a.y)/(b.y-a.y)*(b.x-a.x))
			}
		}
		slices.Sort(cuts)
		for i := 0; i+1 < len(cuts); i += 2 {
			for x := int(math.Round(grain * cuts[i])); x < int(math.Round(grain*cuts[i+1])); x++ {
				c.set(x, y, to, opacity)
			}
		}
	}
}

func (c *canvas) box(x0, y0, x1, y1 float64, to color.RGBA) {
	c.shape(to, 1, point{x0, y0}, point{x1, y0}, point{x1, y1}, point{x0, y1})
}

// stroke draws a line of some width through points.
func (c *canvas) stroke(to color.RGBA, width float64, points ...point) {
	for i := 0; i+1 < len(points); i++ {
		a, b := points[i], points[i+1]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		if length == 0 {
			continue
		}
		dx, dy := (b.y-a.y)/length*width/2, -(b.x-a.x)/length*width/2
		c.shape(to, 1, point{a.x + dx, a.y + dy}, point{b.x + dx, b.y + dy}, point{b.x - dx, b.y - dy}, point{a.x - dx, a.y - dy})
		c.disc(b, width/2, width/2, to, 1)
	}
}

// write puts a line of text, scaled from 13 pixels high.
func (c *canvas) write(x, y, scale float64, to color.RGBA, text string) {
	face := basicfont.Face7x13
	small := image.NewRGBA(image.Rect(0, 0, 7*len(text)+2, 16))
	d := font.Drawer{Dst: small, Src: image.NewUniform(to), Face: face, Dot: fixed.P(1, 12)}
	d.DrawString(text)
	w, h := grain*scale*float64(small.Rect.Dx()), grain*scale*float64(small.Rect.Dy())
	area := image.Rect(int(grain*x), int(grain*y), int(grain*x+w), int(grain*y+h))
	draw.CatmullRom.Scale(c.img, area, small, small.Rect, draw.Over, nil)
}

// avatar draws a picture of somebody: two colours and a few shapes.
func avatar(r *rand.Rand) ([]byte, error) {
	palettes := [][3]uint32{{0x0f4c5c, 0x5fa8d3, 0xffd166}, {0x6a040f, 0xdc2f02, 0xffba08}, {0x3a0ca3, 0x7209b7, 0xf72585}, {0x1b4332, 0x52b788, 0xd8f3dc},
		{0x5f0f40, 0x9a031e, 0xfb8b24}, {0x003049, 0x669bbc, 0xfdf0d5}, {0x432818, 0xbb9457, 0xffe6a7}, {0x22223b, 0x9a8c98, 0xf2e9e4}}
	p := palettes[r.IntN(len(palettes))]
	c := newCanvas(256, 256)
	c.sky(0, 256, rgb(p[0]), rgb(p[1]))
	switch light := rgb(p[2]); r.IntN(5) {
	case 0: // sun over waves
		c.disc(point{128, 118}, 58, 58, light, 1)
		for i := range 4 {
			c.wave(150+26*float64(i), 9, 60, float64(r.IntN(60)), mix(rgb(p[0]), rgb(p[1]), float64(i)/4), 256)
		}
	case 1: // sail
		c.shape(light, 1, point{122, 40}, point{122, 176}, point{52, 176})
		c.shape(light, 0.75, point{134, 62}, point{134, 176}, point{204, 176})
		c.shape(rgb(p[0]), 1, point{40, 188}, point{216, 188}, point{186, 222}, point{70, 222})
	case 2: // face
		c.disc(point{128, 138}, 84, 88, light, 1)
		c.disc(point{98, 122}, 10, 14, rgb(p[0]), 1)
		c.disc(point{158, 122}, 10, 14, rgb(p[0]), 1)
		c.stroke(rgb(p[0]), 9, point{92, 168}, point{110, 184}, point{146, 184}, point{164, 168})
	case 3: // hills
		c.disc(point{180, 80}, 34, 34, light, 1)
		c.shape(mix(rgb(p[0]), light, 0.3), 1, point{0, 256}, point{70, 110}, point{170, 256})
		c.shape(mix(rgb(p[0]), light, 0.15), 1, point{70, 256}, point{180, 140}, point{290, 256})
	default: // rings
		for i := 5; i > 0; i-- {
			c.disc(point{128, 128}, float64(20*i), float64(20*i), mix(light, rgb(p[0]), float64(i%2)*0.7), 1)
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, c.done())
	return b.Bytes(), err
}

// wave fills everything below a wavy line.
func (c *canvas) wave(y, height, length, phase float64, to color.RGBA, down float64) {
	points := []point{{c.w, down}, {0, down}}
	for x := 0.0; x <= c.w+4; x += 4 {
		points = append(points, point{x, y + height*math.Sin((x+phase)/length*2*math.Pi)})
	}
	c.shape(to, 1, points...)
}

func drawSea(c *canvas, r *rand.Rand) {
	horizon := 330 + r.Float64()*40
	c.sky(0, horizon, rgb(0x27476e), rgb(0xf4a259))
	sun := 200 + r.Float64()*500
	for i := 8; i > 0; i-- {
		c.disc(point{sun, horizon - 50}, 44+14*float64(i), 44+14*float64(i), rgb(0xffe0a3), 0.07)
	}
	c.disc(point{sun, horizon - 50}, 44, 44, rgb(0xfff1cf), 1)
	c.sky(horizon, c.h, rgb(0xc97b4a), rgb(0x14344f))
	for i := range 60 { // the sun on the water
		y := horizon + 4 + float64(i)*4
		half := 12 + float64(i)*1.3 + r.Float64()*18
		c.shape(rgb(0xffe0a3), 0.28, point{sun - half, y}, point{sun + half, y}, point{sun + half*0.8, y + 2.4}, point{sun - half*0.8, y + 2.4})
	}
	x, s := 180+r.Float64()*560, 0.8+r.Float64()*0.7
	at := func(px, py float64) point { return point{x + px*s, horizon + 60 + py*s} }
	c.shape(rgb(0xf7f3e9), 1, at(0, -180), at(0, -12), at(-74, -12))
	c.shape(rgb(0xe5dccb), 1, at(8, -164), at(8, -12), at(62, -20))
	c.stroke(rgb(0x3a2a20), 4, at(3, -190), at(3, 6))
	c.shape(rgb(0x5b2e1d), 1, at(-86, 0), at(84, -4), at(58, 30), at(-64, 30))
	for i := range 3 {
		c.wave(horizon+170+40*float64(i), 5+2*float64(i), 150+r.Float64()*80, r.Float64()*100, mix(rgb(0x2b5d73), rgb(0x0d2538), float64(i)/3), c.h)
	}
}

func drawHills(c *canvas, r *rand.Rand) {
	c.sky(0, c.h, rgb(0x7fb7de), rgb(0xf3f6ee))
	c.disc(point{150 + r.Float64()*600, 120}, 46, 46, rgb(0xfff4cc), 0.95)
	for range 5 {
		x, y := r.Float64()*c.w, 60+r.Float64()*120
		for i := range 4 {
			c.disc(point{x + float64(i)*34, y + r.Float64()*10}, 40, 17, rgb(0xffffff), 0.5)
		}
	}
	colours := []uint32{0x9db8c7, 0x7a9e9f, 0x5b8266, 0x3e6259, 0x2b4638}
	for i, v := range colours {
		base := 250 + 75*float64(i)
		points := []point{{c.w, c.h}, {0, c.h}}
		a, b, d := r.Float64()*6, r.Float64()*6, 60-float64(i)*6
		for x := 0.0; x <= c.w+6; x += 6 {
			points = append(points, point{x, base - d*math.Sin(x/170+a) - d/2*math.Sin(x/61+b)})
		}
		c.shape(rgb(v), 1, points...)
	}
	for range 26 { // trees
		x, y, s := r.Float64()*c.w, 520+r.Float64()*70, 14+r.Float64()*18
		c.shape(rgb(0x1d3327), 1, point{x, y - 3*s}, point{x + s, y}, point{x - s, y})
	}
}

func drawLoaf(c *canvas, r *rand.Rand) {
	c.sky(0, c.h, rgb(0xe9dcc9), rgb(0xcbb292))
	for i := range 7 { // the board
		c.box(90, 400+22*float64(i), 870, 422+22*float64(i), mix(rgb(0x9c6b3f), rgb(0x7d522d), float64(i%3)/3))
	}
	c.disc(point{480, 440}, 330, 40, rgb(0x4a2f1b), 0.35)
	crust, light := rgb(0xa9642b), rgb(0xe3ab63)
	for i := range 24 {
		t := float64(i) / 24
		c.disc(point{480 - 26*t, 320 - 34*t}, 300*(1-0.55*t), 140*(1-0.6*t), mix(crust, light, t*0.8), 1)
	}
	cuts := 3 + r.IntN(3)
	for i := range cuts {
		x := 330 + 300*float64(i)/float64(cuts-1)
		c.stroke(rgb(0xf3d9a8), 17, point{x - 46, 376}, point{x - 8, 300}, point{x + 40, 240})
		c.stroke(rgb(0x7d4317), 4, point{x - 54, 376}, point{x - 17, 300}, point{x + 31, 240})
	}
	for range 500 { // flour
		a, d := r.Float64()*2*math.Pi, math.Sqrt(r.Float64())
		c.disc(point{470 + 260*d*math.Cos(a), 310 + 110*d*math.Sin(a)}, 1.6, 1.6, rgb(0xfffaf0), 0.7)
	}
}

var (
	ink   = rgb(0x2d3142)
	paper = rgb(0xfbfbf8)
	grid  = rgb(0xe2e4e8)
	green = rgb(0x2a9d8f)
	amber = rgb(0xe9a23b)
	red   = rgb(0xd1495b)
	grey  = rgb(0xb8bcc6)
)

// frame draws what a chart stands in and returns where values go: from 0 to 1 in both directions.
func (c *canvas) frame(title string, marks [5]string) func(x, y float64) point {
	c.sky(0, c.h, paper, paper)
	c.write(60, 24, 2, ink, title)
	at := func(x, y float64) point { return point{90 + x*(c.w-140), c.h - 70 - y*(c.h-180)} }
	for i, mark := range marks {
		y := at(0, float64(i)/4).y
		c.stroke(grid, 2, point{90, y}, point{c.w - 50, y})
		c.write(24, y-12, 1.4, ink, mark)
	}
	return at
}

// bars draws pairs of bars with a label each; a negative value is none.
func (c *canvas) bars(at func(x, y float64) point, labels []string, before, after []float64) {
	for i, label := range labels {
		x0 := (float64(i) + 0.15) / float64(len(labels))
		half := 0.35 / float64(len(labels))
		for k, v := range []float64{before[i], after[i]} {
			if v < 0 {
				continue
			}
			a, b := at(x0+float64(k)*half, v), at(x0+float64(k+1)*half, 0)
			c.box(a.x, a.y, b.x-2, b.y, []color.RGBA{grey, green}[k])
		}
		c.write(at(x0, 0).x, c.h-58, 1.4, ink, label)
	}
}

func drawSales(c *canvas, r *rand.Rand) {
	at := c.frame("Loaves sold per week", [5]string{"0", "100", "200", "300", "400"})
	var labels []string
	var last, now []float64
	for i := range 8 {
		labels = append(labels, fmt.Sprintf("W%d", 12+i))
		last = append(last, 0.3+r.Float64()*0.3)
		now = append(now, min(0.35+0.05*float64(i)+r.Float64()*0.2, 0.98))
	}
	c.bars(at, labels, last, now)
}

func drawBench(c *canvas, r *rand.Rand) {
	at := c.frame("Requests per second (thousands)", [5]string{"0", "5", "10", "15", "20"})
	labels := []string{"list", "send", "search", "sync", "upload"}
	var before, after []float64
	for range labels {
		b := 0.15 + r.Float64()*0.25
		before, after = append(before, b), append(after, min(b*(1.7+r.Float64()), 0.98))
	}
	c.bars(at, labels, before, after)
}

func drawWind(c *canvas, r *rand.Rand) {
	at := c.frame("Wind at the jetty (knots), mean and gusts", [5]string{"0", "8", "16", "24", "32"})
	var mean, gusts []point
	v := 0.3
	for i := range 57 {
		v = min(max(v+(r.Float64()-0.48)*0.09, 0.08), 0.7)
		mean = append(mean, at(float64(i)/56, v))
		gusts = append(gusts, at(float64(i)/56, min(v*1.25+r.Float64()*0.09, 0.99)))
	}
	c.stroke(amber, 3, gusts...)
	c.stroke(green, 5, mean...)
	for i, day := range []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} {
		c.write(at(float64(i)/7+0.02, 0).x, c.h-58, 1.4, ink, day)
	}
}

func drawErrors(c *canvas, r *rand.Rand) {
	at := c.frame("Errors per minute", [5]string{"0", "25", "50", "75", "100"})
	var line []point
	peak := 24 + r.IntN(20)
	for i := range 61 {
		v := 0.02 + r.Float64()*0.03
		if d := i - peak; d >= 0 && d < 9 {
			v += 0.85 * math.Exp(-float64(d*d)/12)
		}
		line = append(line, at(float64(i)/60, v))
	}
	c.stroke(red, 4, line...)
	for i := range 5 {
		c.write(at(float64(i)/4-0.03, 0).x, c.h-58, 1.4, ink, fmt.Sprintf("%d:%02d", 9+i/4, (i%4)*15))
	}
}
