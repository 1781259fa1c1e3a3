package core_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/scan"
)

func TestServerSettings(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) {
		o.ServerName, o.ServerDescription, o.Fixed, o.Limits.AttachmentBytes = "Ours", "By the operator", map[string]string{core.SettingDescription: "file"}, 1<<20
	}, scanned)
	root, ada := w.user("root", chat.RoleAdmin), w.user("ada")
	den := w.room("Den", chat.Private, ada)
	hall := w.room("Hall", chat.Public, ada)
	w.told()
	for _, tc := range []struct {
		name   string
		by     chat.Actor
		change core.ServerChange
		code   string
	}{
		{"people without the permission change nothing", ada, core.ServerChange{Name: ptr("Hers")}, "permission_missing"},
		{"what the operator has set stays", root, core.ServerChange{Description: ptr("x")}, "setting_fixed"},
		{"a server has a name", root, core.ServerChange{Name: ptr(" ")}, "server_name_invalid"},
		{"a welcome is bounded", root, core.ServerChange{Welcome: ptr(strings.Repeat("x", 2001))}, "welcome_too_long"},
		{"there are three ways to register", root, core.ServerChange{Registration: ptr(core.Registration("maybe"))}, "registration_invalid"},
		{"uploads are bounded by the operator", root, core.ServerChange{AttachmentBytes: ptr(int64(1<<20 + 1))}, "attachment_bytes_invalid"},
		{"uploads are not of nothing", root, core.ServerChange{AttachmentBytes: ptr(int64(0))}, "attachment_bytes_invalid"},
		{"files are of types that can be told", root, core.ServerChange{AttachmentTypes: &[]string{"png", "exe"}}, "attachment_types_invalid"},
		{"nobody is led into a private room", root, core.ServerChange{DefaultRooms: &[]chat.RoomID{den}}, "default_rooms_invalid"},
		{"nor into one that is not there", root, core.ServerChange{DefaultRooms: &[]chat.RoomID{9999}}, "default_rooms_invalid"},
		{"nor twice into one", root, core.ServerChange{DefaultRooms: &[]chat.RoomID{hall, hall}}, "default_rooms_invalid"},
		{"nothing is fine", root, core.ServerChange{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.UpdateServer(w.ctx, tc.by, tc.change); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
	if events := w.told(); len(events) != 0 {
		t.Errorf("told %+v", events)
	}
	_, err := w.AdminServer(w.ctx, ada)
	w.want(err, "permission_missing")

	s, err := w.UpdateServer(w.ctx, root, core.ServerChange{
		Name: ptr("Engine lovers"), Welcome: ptr("Mind the gap."), Registration: ptr(core.RegistrationOpen), RoomInvites: ptr(false),
		DefaultRooms: &[]chat.RoomID{hall}, AttachmentBytes: ptr(int64(2000)),
	})
	w.must(err)
	if s.Name != "Engine lovers" || s.Description != "By the operator" || s.RoomInvites || s.AttachmentBytes != 2000 {
		t.Errorf("%+v", s)
	}
	if got := kinds(w.told()); got != "ServerChanged" {
		t.Errorf("told %s", got)
	}
	_, err = w.UpdateServer(w.ctx, root, core.ServerChange{Name: ptr("Engine lovers"), DefaultRooms: &[]chat.RoomID{hall}})
	if w.must(err); len(w.told()) != 0 {
		t.Error("the same again was told")
	}
	for setting, want := range map[string]string{core.SettingName: "stored", core.SettingDescription: "file", core.SettingIcon: "default"} {
		if origin, fixed, err := w.SettingOrigin(w.ctx, setting); err != nil || origin != want || fixed != (want == "file") {
			t.Errorf("%s comes from %q, fixed %v, %v", setting, origin, fixed, err)
		}
	}

	l := w.register("carol")
	w.want(w.Allow(w.ctx, w.actor(l), chat.CanSend, hall), "")
	notes, _, _, err := w.Notifications(w.ctx, w.actor(l), false, chat.Page{Limit: 10})
	if err != nil || len(notes) != 1 || notes[0].Type != chat.NotifySystem || notes[0].Title != "Engine lovers" || notes[0].Content != "Mind the gap." {
		t.Errorf("welcomed by %+v, %v", notes, err)
	}
	_, err = w.UploadFile(w.ctx, ada, core.Upload{Filename: "a.zip", Body: bytes.NewReader(make([]byte, 2001))})
	w.want(err, "attachment_too_large")
	_, err = w.UpdateServer(w.ctx, root, core.ServerChange{Registration: ptr(core.RegistrationClosed)})
	w.must(err)
	_, err = w.Register(w.ctx, "192.0.2.9", core.Registering{Username: "dan", Password: password})
	w.want(err, "registration_closed")
	entries, _, err := w.Audit(w.ctx, root, chat.AuditFilter{Action: "server.update"}, chat.Page{Limit: 10})
	if err != nil || len(entries) != 2 {
		t.Errorf("%d audit entries, %v", len(entries), err)
	}
}

func TestAdministratorsSayWhichFilesAreTaken(t *testing.T) {
	w := newWorld(t, scanned)
	root := w.user("root", chat.RoleAdmin)
	upload := func(name string, content []byte, code string) {
		t.Helper()
		_, err := w.UploadFile(w.ctx, root, core.Upload{Filename: name, Body: bytes.NewReader(content)})
		w.want(err, code)
	}
	upload("a.mp4", film(t), "type_not_allowed")
	s, err := w.UpdateServer(w.ctx, root, core.ServerChange{AttachmentTypes: &[]string{"VIDEO/*", "png"}})
	if w.must(err); !slices.Equal(s.AttachmentTypes, []scan.Type{scan.MP4, scan.MOV, scan.WebM, scan.OGV, scan.PNG}) {
		t.Errorf("%v", s.AttachmentTypes)
	}
	upload("a.mp4", film(t), "")
	upload("a.png", picture(t, 4, 3, 1), "")
	upload("a.zip", archive(t, []byte("x")), "type_not_allowed")
	w.told()
	_, err = w.UpdateServer(w.ctx, root, core.ServerChange{AttachmentTypes: &[]string{"video/*", "image/png"}})
	if w.must(err); len(w.told()) != 0 {
		t.Error("the same again was told")
	}
	_, err = w.UpdateServer(w.ctx, root, core.ServerChange{AttachmentTypes: &[]string{}})
	w.must(err)
	upload("a.png", picture(t, 4, 3, 1), "type_not_allowed")

	w.Fixed = map[string]string{core.SettingAttachmentTypes: "file"} // the operator has the last word
	upload("a.png", picture(t, 4, 3, 1), "")
	_, err = w.UpdateServer(w.ctx, root, core.ServerChange{AttachmentTypes: &[]string{"mp4"}})
	w.want(err, "setting_fixed")
}

func TestServerIcon(t *testing.T) {
	w := newWorld(t, scanned)
	root, ada := w.user("root", chat.RoleAdmin), w.user("ada")
	_, err := w.SetServerIcon(w.ctx, ada, bytes.NewReader(picture(t, 40, 40, 1)))
	w.want(err, "permission_missing")
	first, err := w.SetServerIcon(w.ctx, root, bytes.NewReader(picture(t, 40, 40, 1)))
	w.must(err)
	body, _, err := w.Avatar(w.ctx, strings.TrimPrefix(first.IconURL, core.AvatarPath))
	w.must(err)
	w.must(body.Close())
	second, err := w.SetServerIcon(w.ctx, root, bytes.NewReader(picture(t, 40, 40, 2)))
	w.must(err)
	if n := w.stored(); n != 1 || second.IconURL == first.IconURL {
		t.Errorf("%d are kept, %q", n, second.IconURL)
	}
	_, err = w.SetServerIcon(w.ctx, root, nil)
	w.must(err)
	if s, err := w.Server(w.ctx); err != nil || s.IconURL != "" || w.stored() != 0 {
		t.Errorf("%+v, %v, %d are kept", s, err, w.stored())
	}
}
