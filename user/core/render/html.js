/* SPDX-License-Identifier: GPL-2.0-only */
'use strict';
(() => {
	const read = id => JSON.parse(document.getElementById(id).textContent);
	const time = read('columns'), start = time.start, span = time.end - time.start;
	const tip = document.getElementById('tip');
	const SVG = 'http://www.w3.org/2000/svg';
	const two = n => String(n).padStart(2, '0');

	/* Times: the page has UTC, the reader gets the time of his own clock. */
	const clock = (t, parts) => {
		const d = new Date(t);
		const date = d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate());
		const short = two(d.getHours()) + ':' + two(d.getMinutes());
		const long = short + ':' + two(d.getSeconds());
		return parts === 'd' ? date.slice(5) : parts === 'm' ? short : parts === 's' ? long : date + ' ' + long;
	};
	let day = '';
	for (const e of document.querySelectorAll('time')) {
		const text = clock(Date.parse(e.dateTime));
		e.textContent = e.className === 'end' && text.startsWith(day) ? text.slice(11) : text;
		day = text.slice(0, 10);
	}
	for (const e of document.querySelectorAll('text[data-t]'))
		e.textContent = clock(+e.dataset.t, e.dataset.f);
	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
	for (const e of document.querySelectorAll('.zone'))
		e.textContent = zone || 'local time';

	/* Numbers, as in the static part. */
	const digits = v => {
		const m = Math.abs(v);
		return m === 0 ? '0' : m < 9.995 ? v.toFixed(2) : m < 99.95 ? v.toFixed(1) : v.toFixed(0);
	};
	const step = (v, steps) => {
		for (const [size, name] of steps)
			if (Math.abs(v) >= size * 0.9995 || size === steps[steps.length - 1][0])
				return digits(v / size) + ' ' + name;
	};
	const SECONDS = [[1, 's'], [1e-3, 'ms'], [1e-6, 'us'], [1e-9, 'ns']];
	const BYTES = [[2 ** 40, 'TiB'], [2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [1024, 'KiB'], [1, 'B']];
	const NUMBERS = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e4 * .9999, '']];
	const plain = v => {
		const m = Math.abs(v);
		if (m >= 1e7) return step(v, NUMBERS.slice(0, 3));
		return Number.isInteger(v) ? String(v) : m !== 0 && m < 0.01 ? v.toPrecision(2) : digits(v);
	};
	const number = (v, unit) => {
		if (v === null || v === undefined) return 'not measured';
		const rate = unit.endsWith('/s') ? '/s' : '', base = unit.replace('/s', '');
		if (base === 's') return (v === 0 ? '0 s' : step(v, SECONDS)) + rate;
		if (base === 'B') return (v === 0 ? '0 B' : step(v, BYTES)) + rate;
		if (base === '%') return digits(v) + ' %';
		return plain(v) + (rate || '');
	};

	/* The column at a time, or -1. */
	const columnAt = t => {
		let low = 0, high = time.from.length - 1;
		while (low <= high) {
			const middle = (low + high) >> 1;
			if (t < time.from[middle]) high = middle - 1;
			else if (t >= time.to[middle]) low = middle + 1;
			else return middle;
		}
		return -1;
	};

	const cache = new Map();
	const dataOf = figure => {
		if (!cache.has(figure)) {
			const source = figure.querySelector('script');
			cache.set(figure, source ? JSON.parse(source.textContent) : null);
		}
		return cache.get(figure);
	};
	const heatText = (data, column, y) => {
		const lines = [];
		const slot = data.first + Math.floor((1 - y) * data.rows);
		const bound = s => s <= 0 ? 0 : 2 ** ((s - 1) / data.scale + data.unit0);
		const cells = data.cells[column];
		if (!cells) return ['no observations'];
		const count = cells[slot - data.first - cells[0] + 1];
		if (y >= 0 && y <= 1)
			lines.push((slot >= data.over ? 'above ' + number(bound(slot - 1), data.unit)
				: slot <= data.clip ? 'up to ' + number(bound(slot), data.unit)
				: number(bound(slot - 1), data.unit) + ' – ' + number(bound(slot), data.unit)) +
				': ' + plain(slot - data.first >= cells[0] && count ? count : 0));
		['p50', 'p95', 'p99', 'max'].forEach((name, i) =>
			lines.push(name + ' ' + number(data.q[i][column], data.unit)));
		lines.push('count ' + plain(cells.slice(1).reduce((a, b) => a + b, 0)));
		return lines;
	};
	const lineText = (data, column) => data.names.map((name, i) =>
		name + '  ' + number(data.values[i][column], data.unit));

	/* One line through all charts, at the time under the pointer. */
	const plots = [...document.querySelectorAll('svg[data-x]')];
	const crosses = new Map();
	const cross = svg => {
		if (!crosses.has(svg)) {
			const line = document.createElementNS(SVG, 'line');
			line.setAttribute('class', 'cross');
			line.setAttribute('y1', '0');
			line.setAttribute('y2', '100%');
			svg.append(line);
			crosses.set(svg, line);
		}
		return crosses.get(svg);
	};
	const box = svg => {
		const r = svg.getBoundingClientRect(), s = getComputedStyle(svg);
		const left = r.left + parseFloat(s.paddingLeft), top = r.top + parseFloat(s.paddingTop);
		return {left, top, width: r.right - parseFloat(s.paddingRight) - left,
			height: r.bottom - parseFloat(s.paddingBottom) - top};
	};
	const hide = () => {
		tip.hidden = true;
		for (const line of crosses.values()) line.setAttribute('visibility', 'hidden');
	};
	const show = (svg, share, y, at) => {
		share = Math.min(1, Math.max(0, share));
		const t = share * span, column = columnAt(Math.min(t, span - 1e-3));
		const x = (share * 100).toFixed(3) + '%';
		for (const other of plots) {
			if (!other.getClientRects().length) continue;
			const line = cross(other);
			line.setAttribute('x1', x);
			line.setAttribute('x2', x);
			line.setAttribute('visibility', 'visible');
		}
		const data = dataOf(svg.closest('figure'));
		const lines = [clock(start + t) + (column < 0 ? '' : ' (' + number((time.to[column] - time.from[column]) / 1000, 's') + ')')];
		if (column < 0) lines.push('not recorded');
		else if (data && data.missing && data.missing.includes(column)) lines.push('not measured');
		else if (data) lines.push(...(data.cells ? heatText(data, column, y) : lineText(data, column)));
		const title = at.title;
		if (title) lines.push(title);
		tip.textContent = lines.join('\n');
		tip.hidden = false;
		const w = tip.offsetWidth, h = tip.offsetHeight;
		tip.style.left = Math.max(4, at.x + 16 + w > innerWidth ? at.x - 16 - w : at.x + 16) + 'px';
		tip.style.top = Math.max(4, Math.min(at.y + 12, innerHeight - h - 4)) + 'px';
		svg.dataset.at = share;
	};
	for (const svg of plots) {
		svg.tabIndex = 0;
		svg.addEventListener('pointermove', event => {
			const b = box(svg), share = (event.clientX - b.left) / b.width;
			if (share < -0.02 || share > 1.02) return hide();
			show(svg, share, (event.clientY - b.top) / b.height, {x: event.clientX, y: event.clientY,
				title: event.target.dataset ? event.target.dataset.tip : ''});
		});
		svg.addEventListener('pointerleave', hide);
		svg.addEventListener('blur', hide);
		svg.addEventListener('keydown', event => {
			const keys = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9};
			if (event.key === 'Escape') return hide();
			if (!(event.key in keys)) return;
			event.preventDefault();
			const b = box(svg), count = time.from.length;
			let column = columnAt(Math.min(+(svg.dataset.at || 0) * span, span - 1e-3));
			if (column < 0) column = time.from.findIndex(f => f >= +(svg.dataset.at || 0) * span);
			column = Math.min(count - 1, Math.max(0, column + keys[event.key]));
			const share = (time.from[column] + time.to[column]) / 2 / span;
			show(svg, share, -1, {x: b.left + share * b.width, y: b.top + b.height / 2});
		});
	}
	addEventListener('scroll', hide, {passive: true});

	/* Commands to copy. */
	for (const pre of document.querySelectorAll('.command pre')) {
		const button = document.createElement('button');
		button.type = 'button';
		button.textContent = 'Copy';
		button.addEventListener('click', async () => {
			try {
				await navigator.clipboard.writeText(pre.textContent);
				button.textContent = 'Copied';
			} catch (error) {
				getSelection().selectAllChildren(pre);
				button.textContent = 'Selected';
			}
		});
		pre.after(button);
	}
	/* What CSS cannot open; tables of everything only where the reader has opened them. */
	let opened = [];
	addEventListener('beforeprint', () => {
		opened = [...document.querySelectorAll('details:not([open]):not(.bulk)')];
		opened.forEach(d => { d.open = true; });
	});
	addEventListener('afterprint', () => opened.forEach(d => { d.open = false; }));
})();
