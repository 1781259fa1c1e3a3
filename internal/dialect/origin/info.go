package origin

import (
	"encoding/json"
	"net/http"
)

type infoAnswer struct {
	Server infoServer `json:"server"`
	Stats  infoStats  `json:"stats"`
}

type infoServer struct {
	Name   string     `json:"name"`
	Icon   string     `json:"icon"`
	Banner string     `json:"banner"`
	Owner  ownerShown `json:"owner"`
}

type infoStats struct {
	TotalUsers     int64 `json:"total_users"`
	ConnectedUsers int   `json:"connected_users"`
	OnlineUsers    int   `json:"online_users"`
	TotalChannels  int   `json:"total_channels"`
	TotalRoles     int   `json:"total_roles"`
}

// serveInfo serves GET /info, which clients preview a server with (specs: originchats §9). It counts what everybody may know:
// the channels that are everyone's.
func (d *Dialect) serveInfo(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	server, err := d.core.Server(ctx)
	if err != nil {
		d.incident(ctx, err)
		writeError(w, http.StatusServiceUnavailable, "Try again soon")
		return
	}
	counts, err := d.core.Counts(ctx)
	if err != nil {
		d.incident(ctx, err)
		writeError(w, http.StatusServiceUnavailable, "Try again soon")
		return
	}
	rooms, err := d.core.ListedRooms(ctx)
	if err != nil {
		d.incident(ctx, err)
		writeError(w, http.StatusServiceUnavailable, "Try again soon")
		return
	}
	shown := d.serverShown(ctx, baseOf(r), server)
	answer := infoAnswer{
		Server: infoServer{shown.Name, shown.Icon, shown.Banner, shown.Owner},
		Stats:  infoStats{counts.Users, d.beats.count(), d.core.Online(), len(rooms), len(d.roleTable(ctx))},
	}
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(answer) // the client is gone; nobody to tell
}

// serveAsset serves GET /server-assets/{icon|banner}.
func (d *Dialect) serveAsset(w http.ResponseWriter, r *http.Request) {
	server, err := d.core.Server(r.Context())
	if name := r.PathValue("name"); err != nil || name != "icon" || server.IconURL == "" {
		http.Error(w, "Server asset not found", http.StatusNotFound)
		return
	}
	http.Redirect(w, r, server.IconURL, http.StatusFound)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeError(w, http.StatusNotFound, "Not found")
}
