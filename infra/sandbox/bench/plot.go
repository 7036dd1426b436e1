//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// plotGrowth plots preview and update times by number of services.
func plotGrowth(measures []Measure, path string) error {
	return draw(path, "Nothing to do", []line{
		{"preview", points(measures, "growth", "preview", "empty program", ours)},
		{"up", points(measures, "growth", "no-op up", "empty program", ours)},
		{"empty program", points(measures, "growth", "preview", "empty program", base)},
	})
}

// plotDeploy plots first update times by number of services.
func plotDeploy(measures []Measure, path string) error {
	return draw(path, "First up, with others' delays of Azure", []line{
		{"by hand", points(measures, "deploy", "first up, whole", "by hand", base)},
		{"up, whole", points(measures, "deploy", "first up, whole", "critical path", ours)},
		{"up, until the services run", points(measures, "deploy", "first up, its steps until the services run", "critical path to them", ours)},
		{"critical path to them", points(measures, "deploy", "first up, its steps until the services run", "critical path to them", base)},
	})
}

// line is one line of a plot.
type line struct {
	name   string
	points plotter.XYs
}

func ours(m Measure) float64 { return m.Ours }
func base(m Measure) float64 { return m.Base }

// points returns a figure of some measures, by their number of services.
func points(measures []Measure, group, name, baseName string, figure func(Measure) float64) plotter.XYs {
	var xys plotter.XYs
	for _, m := range measures {
		if m.Group == group && m.Name == name && m.BaseName == baseName {
			xys = append(xys, plotter.XY{X: float64(m.Services), Y: figure(m)})
		}
	}
	return xys
}

// draw writes a plot of seconds by services as SVG, unless there are no points.
func draw(path, title string, lines []line) error {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text, p.Y.Label.Text = "services", "seconds"
	p.X.Min, p.Y.Min = 0, 0
	p.X.Tick.Marker = plot.TickerFunc(wholeTicks)
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	drawn := 0
	for i, l := range lines {
		if len(l.points) == 0 {
			continue
		}
		drawn++
		curve, marks, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return err
		}
		curve.Color, marks.Color, marks.Shape = plotutil.Color(i), plotutil.Color(i), plotutil.Shape(i)
		curve.Width = vg.Points(1.5)
		p.Add(curve, marks)
		p.Legend.Add(l.name, curve, marks)
	}
	if drawn == 0 {
		return nil
	}
	p.Y.Max *= 1.4 // for the legend
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return p.Save(12*vg.Centimeter, 8*vg.Centimeter, path)
}

// wholeTicks labels the usual ticks with whole numbers: there are no halves of services.
func wholeTicks(least, most float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(least, most)
	for i, tick := range ticks {
		if !tick.IsMinor() {
			ticks[i].Label = strconv.Itoa(int(tick.Value))
		}
	}
	return ticks
}
