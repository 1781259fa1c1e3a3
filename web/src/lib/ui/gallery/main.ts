// Every part of the interface on one page, for looking and testing: /src/lib/ui/gallery/index.html of the development
// server. Not part of the build. Query: theme, density, dir.
import { mount } from 'svelte';
import '../../../app.css';
import Gallery from './Gallery.svelte';

const query = new URLSearchParams(location.search);
const root = document.documentElement;
const theme = query.get('theme');
if (theme) root.dataset.theme = theme;
root.dataset.density = query.get('density') ?? 'cosy';
root.dir = query.get('dir') ?? 'ltr';

mount(Gallery, { target: document.getElementById('app')! });
