package web

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/deskbell/deskbell/web/live"
)

// figures are what Prometheus reads of the outside.
type figures struct{ seconds *prometheus.HistogramVec }

func newFigures(registry *prometheus.Registry, hub *live.Hub) (*figures, error) {
	f := &figures{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "deskbell_web_request_seconds",
		Help: "Time to answer a request.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"operation", "status"})}
	gauge := func(name, help string, value func(live.Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(hub.Stats()) })
	}
	var errs []error
	for _, c := range []prometheus.Collector{f.seconds, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("deskbell_live_sockets", "Open sockets.", func(s live.Stats) float64 { return float64(s.Clients) }),
		gauge("deskbell_live_frames", "Frames handed to sockets since the start.", func(s live.Stats) float64 { return float64(s.Delivered) }),
		gauge("deskbell_live_cut", "Sockets closed since the start because they were too slow.", func(s live.Stats) float64 { return float64(s.Cut) })} {
		errs = append(errs, registry.Register(c))
	}
	return f, errors.Join(errs...)
}
