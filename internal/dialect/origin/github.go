package origin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"parley/internal/chat"
	"parley/internal/core"
)

const (
	githubColor = 2369838
	githubLogo  = "https://github.githubassets.com/images/modules/logos_page/GitHub-Mark.png"
	maxCommits  = 25 // that are listed
)

// githubAuthor is the face of what GitHub tells.
var githubAuthor = chat.Author{ID: "github", Name: "GitHub", AvatarURL: githubLogo}

// push is what GitHub tells of a push, as far as it is shown.
type push struct {
	Ref        string `json:"ref"`
	Compare    string `json:"compare"`
	Created    bool   `json:"created"`
	Deleted    bool   `json:"deleted"`
	Forced     bool   `json:"forced"`
	Repository struct {
		Name     string `json:"name"`
		FullName string `json:"full_name"`
		HTMLURL  string `json:"html_url"`
	} `json:"repository"`
	Sender struct {
		Login     string `json:"login"`
		HTMLURL   string `json:"html_url"`
		AvatarURL string `json:"avatar_url"`
	} `json:"sender"`
	Pusher struct {
		Name string `json:"name"`
	} `json:"pusher"`
	HeadCommit *commit  `json:"head_commit"`
	Commits    []commit `json:"commits"`
}

type commit struct {
	ID        string `json:"id"`
	Message   string `json:"message"`
	URL       string `json:"url"`
	Timestamp string `json:"timestamp"`
}

// githubPush makes the post of a push: one embed (specs: originchats §9).
func githubPush(body []byte) (p core.Post, err error) {
	var in push
	if json.Unmarshal(body, &in) != nil {
		return p, decline(http.StatusBadRequest, "Invalid JSON body")
	}
	branch := strings.TrimPrefix(strings.TrimPrefix(in.Ref, "refs/heads/"), "refs/tags/")
	e := embed{Color: new(int), URL: in.Compare}
	*e.Color = githubColor
	switch n := len(in.Commits); {
	case in.Created:
		e.Title = branch + " created"
	case in.Deleted:
		e.Title = branch + " deleted"
	case in.Forced:
		e.Title = branch + " force-pushed"
	case n == 1:
		e.Title = branch + ": 1 commit"
	default:
		e.Title = fmt.Sprintf("%s: %d commits", branch, n)
	}
	if e.URL == "" {
		e.URL = in.Repository.HTMLURL
	}
	repo := in.Repository.Name
	if repo == "" {
		repo = in.Repository.FullName
	}
	who := in.Sender.Login
	if who == "" {
		who = in.Pusher.Name
	}
	e.Author = &embedAuthor{Name: who + " - " + repo, URL: in.Sender.HTMLURL, IconURL: in.Sender.AvatarURL}
	lines := make([]string, 0, min(len(in.Commits), maxCommits))
	for i, c := range in.Commits {
		if i == maxCommits {
			lines = append(lines, fmt.Sprintf("… %d more", len(in.Commits)-i))
			break
		}
		title, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
		lines = append(lines, fmt.Sprintf("[`%s`](%s) %s", c.ID[:min(len(c.ID), 7)], c.URL, shorten(strings.TrimSpace(title), 100)))
	}
	e.Description = strings.Join(lines, "\n")
	if in.HeadCommit != nil && !core.EmbedTime(in.HeadCommit.Timestamp).IsZero() {
		e.Timestamp = in.HeadCommit.Timestamp
	}
	p.Author, p.Embeds = githubAuthor, []json.RawMessage{e.raw()}
	return p, nil
}
