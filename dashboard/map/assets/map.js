/* Draws the community map. Colours and overlays come with every change of the page, with the address
   of the outlines they are for; those are fetched when the address is another one. The map itself
   stays, so that nothing flickers.
   Whatever came from a sheet is set as text, never as markup. */
(function () {
  "use strict";

  var BUILDINGS_FROM = 17, NUMBERS_FROM = 18, POINT_NAMES_FROM = 15.5, ROAD_NAMES_FROM = 15.5;
  /* Signs that are left out first where there is no room. */
  var CALM = ["good", "act-done", "act-planned"];
  var PATTERNS_UP_TO = 400, CHIP = 23, LABELS_UP_TO = 90, FOCUS_UP_TO = 60;
  var INK = "#2B2722", OUTLINE = "#6B6257", HALO = "rgba(250,247,241,.92)";
  var FAMILY = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','Source Han Sans SC',sans-serif";
  var SVG = "http://www.w3.org/2000/svg";
  var view = { compounds: {}, picks: 0, chosen: null };
  var pen = document.createElement("canvas").getContext("2d");

  function element(tag, className, text) {
    var node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined && text !== null) node.textContent = String(text);
    return node;
  }

  /* ---- opening ---------------------------------------------------------------------- */

  function open(map, options) {
    view.map = map;
    L.Icon.Default.imagePath = options.images;
    map.getContainer().classList.add("sq-map");
    addPane("sq-ground", 350, false);
    addPane("sq-compounds", 400, true);
    addPane("sq-buildings", 410, false);
    addPane("sq-gaps", 420, false);
    addPane("sq-hotspots", 430, false);
    addPane("sq-points", 440, true);
    addPane("sq-labels", 620, false);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    addHomeButton();
    view.outlines = L.layerGroup().addTo(map);
    view.overlays = L.layerGroup().addTo(map);
    view.labels = L.layerGroup().addTo(map);
    view.places = L.layerGroup().addTo(map);
    view.tip = L.tooltip({ className: "sq-tip", opacity: 1, direction: "top", offset: [0, -4] });
    map.on("zoomend moveend resize", tidy);
    map.on("dragstart zoomstart", function () { if (!view.isFitting) view.isHome = false; });
    map.on("resize", function () { if (view.isHome) goHome(); });
    /* The frame gets its height from the page's style, which may come after the map. */
    new ResizeObserver(function () {
      if (isSeen()) map.invalidateSize({ pan: false });
    }).observe(map.getContainer());
  }

  /* What stands on the map stays until the other outlines are there; the last that were asked for
     count. */
  function fetchShapes(address) {
    view.address = address;
    fetch(address, { credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.json();
      })
      .then(function (shapes) { if (view.address === address) receive(shapes); })
      .catch(function () {
        if (view.address !== address) return;
        view.address = null;
        view.paint = view.next;
        tell("failed");
      });
  }

  /* A map that is being put away has no size, and nothing can be placed on it. */
  function isSeen() {
    var container = view.map.getContainer();
    return container.clientWidth > 0 && container.clientHeight > 0;
  }

  function addPane(name, order, isTouchable) {
    var pane = view.map.createPane(name);
    pane.style.zIndex = order;
    if (!isTouchable) pane.style.pointerEvents = "none";
  }

  function addHomeButton() {
    var control = L.control({ position: "topleft" });
    control.onAdd = function () {
      var bar = element("div", "leaflet-bar");
      view.home = element("a", "sq-home", "\u2302");
      view.home.href = "#";
      view.home.setAttribute("role", "button");
      L.DomEvent.disableClickPropagation(bar);
      L.DomEvent.on(view.home, "click", function (event) {
        L.DomEvent.preventDefault(event);
        goHome();
      });
      bar.appendChild(view.home);
      return bar;
    };
    control.addTo(view.map);
  }

  function goHome() {
    if (view.shapes && view.shapes.bounds && isSeen()) {
      view.isFitting = true;
      var left = view.map.getSize().x > 600 ? 46 : 8;
      view.map.fitBounds(view.shapes.bounds, {
        paddingTopLeft: [left, 10], animate: false,
        paddingBottomRight: [8, view.paint && view.paint.frames ? 72 : 10],
      });
      view.isFitting = false;
      view.isHome = true;
    }
  }

  function tell(what) {
    if (view.message) view.message.remove();
    view.message = null;
    var words = view.paint && view.paint.words;
    if (!what || !words) return;
    view.message = element("div", "sq-message", words[what]);
    view.map.getContainer().appendChild(view.message);
  }

  function receive(shapes) {
    clearOutlines();
    view.shapes = shapes;
    view.drawn = view.address;
    view.paint = view.next;
    tell(null);
    drawGround();
    drawCompounds();
    goHome();
    repaint();
  }

  function clearOutlines() {
    view.outlines.clearLayers();
    (view.renderers || []).forEach(function (renderer) { renderer.remove(); });
    if (view.buildings) view.buildings.remove();
    view.renderers = [];
    view.compounds = {};
    view.chosen = null;
    view.radius = undefined;
  }

  function keepRenderer(renderer) {
    view.renderers.push(renderer);
    return renderer;
  }

  /* ---- what stays: ground and outlines ---------------------------------------------- */

  function drawGround() {
    var ground = keepRenderer(L.canvas({ pane: "sq-ground" }));
    var styles = {
      community: { color: "#B9AC98", weight: 1.5, dashArray: "7 5", fill: false },
      street: { color: "#B9AC98", weight: 1.5, dashArray: "7 5", fill: false },
      district: { color: "#A89B86", weight: 1, fillColor: "#FFFDF8", fillOpacity: 0.6 },
      water: { color: "#B5CBD3", weight: 1, fillColor: "#CFDFE4", fillOpacity: 1 },
      road: { color: "#FFFFFF", weight: 7, lineCap: "round", fill: false },
    };
    Object.keys(styles).forEach(function (level) {
      var features = (view.shapes.levels[level] || []).map(toFeature);
      if (level === "road") {
        drawLines(features, ground, { color: "#DDD3C2", weight: 9, lineCap: "round", fill: false });
      }
      drawLines(features, ground, styles[level]);
    });
    var numbered = (view.shapes.levels.building || []).map(toFeature);
    view.buildings = L.geoJSON({ type: "FeatureCollection", features: numbered }, {
      pane: "sq-buildings",
      interactive: false,
      renderer: keepRenderer(L.canvas({ pane: "sq-buildings" })),
      style: { color: "#4E463C", weight: 1, fillColor: "#FFFDF8", fillOpacity: 0.75 },
    });
  }

  function drawLines(features, renderer, style) {
    L.geoJSON({ type: "FeatureCollection", features: features }, {
      pane: "sq-ground",
      interactive: false,
      renderer: renderer,
      style: style,
    }).addTo(view.outlines);
  }

  function toFeature(shape) {
    return { type: "Feature", properties: shape, geometry: shape.geometry };
  }

  function drawCompounds() {
    var list = view.shapes.levels.compound || [];
    view.isMany = list.length > PATTERNS_UP_TO;
    var renderer = keepRenderer(view.isMany
      ? L.canvas({ pane: "sq-compounds", tolerance: 4 })
      : L.svg({ pane: "sq-compounds" }));
    list.forEach(function (shape) {
      var layer = shape.geometry.type === "Point"
        ? L.circleMarker([shape.geometry.coordinates[1], shape.geometry.coordinates[0]],
            { radius: 7, renderer: renderer, pane: "sq-compounds" })
        : L.polygon(flip(shape.geometry), { renderer: renderer, pane: "sq-compounds" });
      view.compounds[shape.id] = { shape: shape, layer: layer };
      layer.on("click", function (event) {
        L.DomEvent.stopPropagation(event);
        choose(shape.id);
      });
      layer.bindTooltip(function () { return describe(shape.id); }, {
        sticky: true, className: "sq-tip", opacity: 1, direction: "auto",
      });
      layer.addTo(view.outlines);
      if (!view.isMany && list.length <= FOCUS_UP_TO) makeReachable(layer, shape);
    });
  }

  function flip(geometry) {
    function turn(part) {
      return typeof part[0] === "number" ? [part[1], part[0]] : part.map(turn);
    }
    return turn(geometry.coordinates);
  }

  function makeReachable(layer, shape) {
    var node = layer.getElement();
    if (!node) return;
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", shape.name);
    node.setAttribute("data-compound", shape.id);
    node.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(shape.id);
      }
    });
  }

  /* ---- month after month -------------------------------------------------------------- */

  var STEP_MS = 1100;

  /* A bar under the map: a button that plays, a slider, and what month it is. */
  function showFrames() {
    var frames = view.paint.frames;
    if (!frames) {
      stopPlaying();
      if (view.bar) view.bar.remove();
      view.bar = null;
      view.map.getContainer().classList.remove("sq-has-bar");
      return;
    }
    if (!view.bar) buildBar();
    view.slider.max = frames.months.length - 1;
    view.slider.setAttribute("aria-label", frames.words.slider);
    /* What the page says is only news when it is not what was told to it from here. */
    var said = frames.months[frames.at];
    if (view.month === undefined || (said !== view.month && !view.playing)) view.at = frames.at;
    if (view.at === undefined || view.at >= frames.months.length) view.at = frames.at;
    view.month = frames.months[view.at];
    nameButton();
    setFrame();
  }

  function buildBar() {
    view.bar = element("div", "sq-bar");
    view.play = element("button", "sq-play");
    view.play.type = "button";
    view.slider = element("input", "sq-slider");
    view.slider.type = "range";
    view.slider.min = 0;
    view.said = element("output", "sq-month");
    view.said.setAttribute("aria-live", "polite");
    [view.play, view.slider, view.said].forEach(function (part) { view.bar.appendChild(part); });
    L.DomEvent.disableClickPropagation(view.bar);
    L.DomEvent.disableScrollPropagation(view.bar);
    view.play.addEventListener("click", function () {
      if (view.playing) stopPlaying(true);
      else startPlaying();
    });
    view.slider.addEventListener("input", function () {
      stopPlaying();
      goToFrame(Number(view.slider.value));
    });
    view.slider.addEventListener("change", tellMonth);
    view.map.getContainer().appendChild(view.bar);
    view.map.getContainer().classList.add("sq-has-bar");
  }

  function nameButton() {
    if (!view.play || !view.paint.frames) return;
    var words = view.paint.frames.words;
    view.play.textContent = (view.playing ? "\u275A\u275A " + words.pause : "\u25B6 " + words.play);
  }

  function startPlaying() {
    var frames = view.paint.frames;
    if (view.at >= frames.months.length - 1) goToFrame(0);
    view.playing = window.setInterval(function () {
      if (view.at >= view.paint.frames.months.length - 1) stopPlaying(true);
      else goToFrame(view.at + 1);
    }, STEP_MS);
    nameButton();
  }

  function stopPlaying(isToTell) {
    if (!view.playing) return;
    window.clearInterval(view.playing);
    view.playing = null;
    nameButton();
    if (isToTell) tellMonth();
  }

  function goToFrame(at) {
    view.at = at;
    view.month = view.paint.frames.months[at];
    setFrame();
    colour();
    tidy();
  }

  function setFrame() {
    var frames = view.paint.frames;
    Object.keys(frames.places).forEach(function (id) {
      var row = view.paint.places[id];
      if (row) { row[0] = frames.places[id][view.at][0]; row[1] = frames.places[id][view.at][1]; }
    });
    view.slider.value = view.at;
    view.slider.setAttribute("aria-valuetext", frames.labels[view.at]);
    view.said.textContent = frames.labels[view.at];
    view.map.getContainer().setAttribute("data-month", view.month);
  }

  function tellMonth() {
    view.picks += 1;
    window.Streamlit.setComponentValue({ month: view.month, count: view.picks });
  }

  /* ---- two maps that move together ----------------------------------------------------- */

  /* Maps of one page know one another by a list that the page itself holds. */
  function joinOthers() {
    if (view.isJoined || !view.paint.linked) return;
    view.isJoined = true;
    var host = window.parent, me = {
      follow: function (spot, zoom) {
        if (!view.paint.linked || !isSeen()) return;
        view.isFollowing = true;
        view.map.setView(spot, zoom, { animate: false });
        view.isFollowing = false;
        view.isHome = false;
      },
    };
    function leave(gone) {
      host.shequMaps = (host.shequMaps || []).filter(function (one) { return one !== gone; });
    }
    host.shequMaps = (host.shequMaps || []).concat(me);
    window.addEventListener("pagehide", function () { leave(me); });
    view.map.on("moveend", function () {
      if (!view.paint.linked || view.isFollowing || view.isFitting) return;
      var spot = view.map.getCenter(), zoom = view.map.getZoom();
      host.shequMaps.slice().forEach(function (other) {
        if (other === me) return;
        try { other.follow([spot.lat, spot.lng], zoom); } catch (error) { leave(other); }
      });
    });
  }

  function choose(id) {
    view.picks += 1;
    view.chosen = id;
    if (view.paint) {
      view.paint.selected = id;
      colour();
      tidy();
    }
    window.Streamlit.setComponentValue({ picked: id, count: view.picks });
  }

  /* ---- what changes: colours, overlays, labels --------------------------------------- */

  function paint(spec, address) {
    view.next = spec;
    if (view.home) view.home.title = spec.words.home;
    nameZoomButtons(spec.words);
    if (address !== view.address) fetchShapes(address);
    else if (view.drawn === address) {
      view.paint = spec;
      repaint();
      return;
    }
    if (!view.shapes) {
      view.paint = spec;
      tell("loading");
    }
  }

  function nameZoomButtons(words) {
    var container = view.map.getContainer();
    var plus = container.querySelector(".leaflet-control-zoom-in");
    var minus = container.querySelector(".leaflet-control-zoom-out");
    if (plus) plus.title = words.closer;
    if (minus) minus.title = words.further;
  }

  function repaint() {
    var began = performance.now();
    showFrames();
    joinOthers();
    colour();
    drawOverlays();
    bringIntoView();
    tidy();
    var container = view.map.getContainer();
    container.setAttribute("data-painted", view.paint.mark);
    container.setAttribute("data-zoom", view.map.getZoom().toFixed(1));
    container.setAttribute("data-paint-ms", (performance.now() - began).toFixed(1));
  }

  function colour() {
    var spec = view.paint;
    Object.keys(view.compounds).forEach(function (id) {
      var entry = view.compounds[id];
      var row = spec.places[id];
      var kind = spec.classes[row ? row[0] : spec.classes.length - 1];
      var isChosen = spec.selected === id;
      var isPoint = entry.shape.geometry.type === "Point";
      var fill = view.isMany || isPoint ? kind.fill : fillOf(kind);
      var radius = !isPoint ? 0 : isChosen ? 10 : radiusAt(view.map.getZoom());
      var look = [fill, spec.fade, isChosen, radius].join();
      /* Most changes are of what lies over the colours. */
      if (entry.look === look) return;
      entry.look = look;
      entry.layer.setStyle({
        fillColor: fill,
        fillOpacity: spec.fade,
        color: isChosen ? "#16120E" : OUTLINE,
        weight: isChosen ? 4.5 : isPoint ? 1 : 1.5,
      });
      if (isPoint) entry.layer.setRadius(radius);
      if (isChosen) entry.layer.bringToFront();
    });
  }

  function radiusAt(zoom) {
    if (!view.isMany) return 8;
    return zoom < 12 ? 3.5 : zoom < 14 ? 5 : 7;
  }

  function fillOf(kind) {
    if (kind.hatch === "none") return kind.fill;
    var id = "sq-" + kind.hatch + "-" + (kind.fill + kind.ink).replace(/#/g, "");
    if (!document.getElementById(id)) patterns().appendChild(makePattern(id, kind));
    return "url(#" + id + ")";
  }

  function patterns() {
    if (view.patterns) return view.patterns;
    var holder = document.createElementNS(SVG, "svg");
    holder.setAttribute("width", "0");
    holder.setAttribute("height", "0");
    holder.setAttribute("aria-hidden", "true");
    holder.style.position = "absolute";
    view.patterns = document.createElementNS(SVG, "defs");
    holder.appendChild(view.patterns);
    document.body.appendChild(holder);
    return view.patterns;
  }

  var MARKS = {
    diagonal: [["path", { d: "M-2,2 l4,-4 M0,10 l10,-10 M8,12 l4,-4" }]],
    counter: [["path", { d: "M-2,8 l4,4 M0,0 l10,10 M8,-2 l4,4" }]],
    lines: [["path", { d: "M0,2.5 h10 M0,7.5 h10" }]],
    dots: [["circle", { cx: 2.5, cy: 2.5, r: 1.4 }], ["circle", { cx: 7.5, cy: 7.5, r: 1.4 }]],
    cross: [["path", { d: "M0,0 l10,10 M10,0 l-10,10" }]],
  };

  function makePattern(id, kind) {
    var node = document.createElementNS(SVG, "pattern");
    var ground = document.createElementNS(SVG, "rect");
    var sizes = { id: id, width: 10, height: 10, patternUnits: "userSpaceOnUse" };
    Object.keys(sizes).forEach(function (name) { node.setAttribute(name, sizes[name]); });
    ground.setAttribute("width", 10);
    ground.setAttribute("height", 10);
    ground.setAttribute("fill", kind.fill);
    node.appendChild(ground);
    (MARKS[kind.hatch] || []).forEach(function (mark) {
      var stroke = document.createElementNS(SVG, mark[0]);
      Object.keys(mark[1]).forEach(function (name) { stroke.setAttribute(name, mark[1][name]); });
      stroke.setAttribute("stroke", mark[0] === "path" ? kind.ink : "none");
      stroke.setAttribute("stroke-width", "1.3");
      stroke.setAttribute("fill", mark[0] === "path" ? "none" : kind.ink);
      node.appendChild(stroke);
    });
    return node;
  }

  function drawOverlays() {
    var spec = view.paint;
    view.overlays.clearLayers();
    spec.rings.forEach(function (ring) { drawRing(ring); });
    spec.circles.forEach(function (circle) { drawCircle(circle); });
    spec.gaps.forEach(function (id) { drawGap(id); });
    spec.services.forEach(function (service) { drawService(service); });
  }

  /* Strokes over a compound that lacks an organization; its colour and its ring stay in sight. */
  function drawGap(id) {
    var entry = view.compounds[id];
    if (!entry) return;
    var ink = "#6B2A55", isPoint = entry.shape.geometry.type === "Point";
    var look = { pane: "sq-gaps", interactive: false, color: ink, weight: 2.5, dashArray: "2 5" };
    if (isPoint) {
      L.circleMarker(entry.layer.getLatLng(),
        Object.assign(look, { radius: 11, fill: false })).addTo(view.overlays);
      return;
    }
    look.fill = !view.isMany;
    look.fillOpacity = 1;
    if (!view.isMany) look.fillColor = fillOf({ hatch: "counter", fill: "none", ink: ink });
    L.polygon(flip(entry.shape.geometry), look).addTo(view.overlays);
  }

  /* A place that serves residents, with how far it reaches. */
  function drawService(service) {
    var spot = [service.lat, service.lon];
    L.circle(spot, {
      radius: service.reach, pane: "sq-hotspots", interactive: false,
      color: "#1F4E6B", weight: 2.5, dashArray: "3 6", fillColor: "#1F4E6B", fillOpacity: 0.06,
    }).addTo(view.overlays);
    var mark = L.circleMarker(spot, {
      pane: "sq-points", radius: 7, color: "#FFFFFF", weight: 2, fillColor: "#1F4E6B",
      fillOpacity: 1,
    });
    mark.bindTooltip(function () { return listLines(service.name, service.lines); },
      { className: "sq-tip", opacity: 1 });
    mark.addTo(view.overlays);
  }

  function drawRing(ring) {
    var entry = view.compounds[ring.id];
    if (!entry) return;
    var style = { pane: "sq-hotspots", interactive: false, fill: false };
    var isPoint = entry.shape.geometry.type === "Point";
    [{ color: "#FFFFFF", weight: 8, opacity: 0.9 }, { color: "#A3161A", weight: 4 }]
      .forEach(function (line) {
        var look = Object.assign({}, style, line);
        (isPoint
          ? L.circleMarker(entry.layer.getLatLng(), Object.assign(look, { radius: 13 }))
          : L.polygon(flip(entry.shape.geometry), look)).addTo(view.overlays);
      });
  }

  function drawCircle(circle) {
    var look = { radius: circle.radius, pane: "sq-hotspots", interactive: false, fill: false };
    [{ color: "#FFFFFF", weight: 6, opacity: 0.9 },
     { color: "#A3161A", weight: 3, dashArray: "9 6" }].forEach(function (line) {
      L.circle([circle.lat, circle.lon], Object.assign({}, look, line)).addTo(view.overlays);
    });
    var top = badgeSpot(circle);
    var grip = L.circleMarker(top, {
      pane: "sq-points", radius: 11, color: "#FFFFFF", weight: 2, fillColor: "#A3161A",
      fillOpacity: 1,
    });
    grip.bindTooltip(function () { return listLines(circle.title, circle.lines); },
      { className: "sq-tip", opacity: 1 });
    grip.addTo(view.overlays);
    var badge = element("span", "sq-badge", circle.badge);
    L.marker(top, {
      pane: "sq-labels", interactive: false, keyboard: false,
      icon: L.divIcon({ className: "sq-anchor", html: badge, iconSize: [0, 0] }),
    }).addTo(view.overlays);
  }

  /* The number of a hotspot stands on the top of its circle, clear of names. */
  function badgeSpot(circle) {
    return [circle.lat + circle.radius / 111320, circle.lon];
  }

  /* Organizations stand under the name of their compound; near by, those with a place of their
     own stand there. */
  function drawOrganizations() {
    view.chips = {};
    var isNear = view.map.getZoom() >= BUILDINGS_FROM;
    view.places.clearLayers();
    view.paint.organizations.concat(view.paint.actions).forEach(function (organization) {
      var hasPlace = organization.lat !== null, hasHome = !!view.compounds[organization.at];
      if (hasPlace && (isNear || !hasHome || organization.stays)) {
        putOrganization(organization);
      } else if (hasHome) {
        (view.chips[organization.at] = view.chips[organization.at] || []).push(organization);
      }
      var isShown = !hasHome || organization.at === view.paint.selected;
      if (organization.reach && hasPlace && isShown) drawReach(organization).addTo(view.places);
    });
  }

  function drawReach(organization) {
    return L.circle([organization.lat, organization.lon], {
      radius: organization.reach, pane: "sq-hotspots", interactive: false,
      color: "#1F4E6B", weight: 2, dashArray: "3 6", fill: false,
    });
  }

  function putOrganization(organization) {
    var box = element("div", "sq-label");
    var chip = makeChip(organization);
    chip.style.left = organization.dx + "px";
    box.appendChild(chip);
    L.marker([organization.lat, organization.lon], {
      pane: "sq-labels", interactive: false, keyboard: false,
      icon: L.divIcon({ className: "sq-anchor", html: box, iconSize: [0, 0] }),
    }).addTo(view.places);
  }

  function makeChip(organization) {
    var chip = element("i", "sq-chip sq-" + organization.look, organization.sign);
    var reach = null;
    chip.setAttribute("role", "img");
    chip.setAttribute("aria-label", [organization.name].concat(organization.lines).join(" · "));
    chip.addEventListener("mouseenter", function () {
      var frame = view.map.getContainer().getBoundingClientRect();
      var spot = chip.getBoundingClientRect();
      view.tip.setContent(listLines(organization.name, organization.lines))
        .setLatLng(view.map.containerPointToLatLng(
          [spot.left + spot.width / 2 - frame.left, spot.top - frame.top]))
        .addTo(view.map);
      if (organization.reach && organization.lat !== null) {
        reach = drawReach(organization).addTo(view.map);
      }
    });
    chip.addEventListener("mouseleave", function () {
      view.tip.remove();
      if (reach) reach.remove();
    });
    chip.addEventListener("click", function (event) {
      event.stopPropagation();
      if (view.compounds[organization.at]) choose(organization.at);
    });
    return chip;
  }

  function bringIntoView() {
    var spec = view.paint;
    if (spec.selected === view.chosen) return;
    view.chosen = spec.selected;
    var entry = view.compounds[spec.selected];
    if (!entry) return;
    var isPoint = entry.shape.geometry.type === "Point";
    var bounds = isPoint
      ? L.latLngBounds([entry.layer.getLatLng()])
      : entry.layer.getBounds();
    if (!spec.close && view.map.getBounds().contains(bounds)) return;
    view.map.fitBounds(bounds, {
      maxZoom: Math.max(spec.close ? 0 : view.map.getZoom(), isPoint ? 15 : 16.5), padding: [40, 40],
      animate: false,
    });
  }

  /* ---- tooltips ---------------------------------------------------------------------- */

  function describe(id) {
    var spec = view.paint, row = spec && spec.places[id];
    var box = element("div", "sq-tip-body");
    box.appendChild(element("strong", "", view.compounds[id].shape.name));
    if (!row) return box;
    var table = element("table");
    spec.columns.forEach(function (label, at) {
      var value = row[2][at];
      if (value === null || value === undefined || value === "") return;
      var line = element("tr");
      line.appendChild(element("th", "", label));
      line.appendChild(element("td", "", value));
      table.appendChild(line);
    });
    box.appendChild(table);
    return box;
  }

  function listLines(title, lines) {
    var box = element("div", "sq-tip-body");
    box.appendChild(element("strong", "", title));
    lines.forEach(function (line) { box.appendChild(element("div", "", line)); });
    return box;
  }

  /* ---- labels that do not collide ------------------------------------------------------ */

  function tidy() {
    if (!view.shapes || !view.paint || !isSeen()) return;
    var zoom = view.map.getZoom();
    view.map.getContainer().setAttribute("data-zoom", zoom.toFixed(1));
    toggle(view.buildings, view.paint.buildings && zoom >= BUILDINGS_FROM);
    view.map.getContainer().classList.toggle("sq-near", zoom >= BUILDINGS_FROM);
    if (view.isMany) rescalePoints(zoom);
    drawOrganizations();
    view.labels.clearLayers();
    view.tip.remove();
    var taken = view.paint.circles.map(function (circle) {
      return boxAround(view.map.latLngToLayerPoint(badgeSpot(circle)), 24, 24);
    });
    view.paint.actions.forEach(function (action) {
      if (action.lat === null) return;
      taken.push(boxAround(view.map.latLngToLayerPoint([action.lat, action.lon]), 26, 26));
    });
    var corner = view.map.containerPointToLayerPoint([0, 0]);
    taken.push({ left: corner.x, right: corner.x + 52, top: corner.y, bottom: corner.y + 145 });
    labelCompounds(taken, zoom);
    if (zoom >= ROAD_NAMES_FROM) labelRoads(taken);
    if (view.isMany) labelAreas(taken, "district", "sq-area");
    if (zoom >= NUMBERS_FROM && view.paint.buildings) labelAreas(taken, "building", "sq-number");
  }

  function rescalePoints(zoom) {
    var radius = radiusAt(zoom);
    if (radius === view.radius) return;
    view.radius = radius;
    colour();
  }

  function toggle(layer, isWanted) {
    if (isWanted && !view.map.hasLayer(layer)) layer.addTo(view.map);
    if (!isWanted && view.map.hasLayer(layer)) layer.remove();
  }

  function labelCompounds(taken, zoom) {
    var spec = view.paint, frame = view.map.getBounds();
    var seen = Object.keys(view.compounds).filter(function (id) {
      return frame.contains(anchorOf(id));
    });
    var few = seen.length <= 40;
    /* Narrow outlines first: wide ones have room to give way. */
    seen.sort(function (a, b) { return weightOf(a) - weightOf(b); });
    if (few) seen.sort(function (a, b) { return roomOf(a) - roomOf(b); });
    seen = seen.filter(function (id) {
      return few || zoom >= POINT_NAMES_FROM || id === spec.selected || !isPoint(id);
    }).slice(0, LABELS_UP_TO);
    /* First those that fit inside their outline in no way, since they have no choice; then all
       that stay inside; last, those that must spill over because others stand there. */
    var left = seen.filter(function (id) {
      return placeLabel(id, [], false, true) || !placeLabel(id, taken, true);
    });
    left = left.filter(function (id) { return !placeLabel(id, taken, false); });
    left = left.filter(function (id) { return !placeLabel(id, taken, true); });
    if (few) left.forEach(function (id) { placeAside(id, taken); });
  }

  function isPoint(id) {
    return view.compounds[id].shape.geometry.type === "Point";
  }

  function weightOf(id) {
    var row = view.paint.places[id];
    return id === view.paint.selected ? -1 : row ? row[3] : 1e9;
  }

  function anchorOf(id) {
    var shape = view.compounds[id].shape;
    return [shape.label[1], shape.label[0]];
  }

  /* The box of an outline on the screen; a point has all the room around it. */
  function frameOf(id) {
    var layer = view.compounds[id].layer;
    if (!layer.getBounds) return { left: -1e6, right: 1e6, top: -1e6, bottom: 1e6 };
    var bounds = layer.getBounds();
    var first = view.map.latLngToLayerPoint(bounds.getNorthWest());
    var last = view.map.latLngToLayerPoint(bounds.getSouthEast());
    return { left: first.x - 3, right: last.x + 3, top: first.y, bottom: last.y };
  }

  function roomOf(id) {
    var frame = frameOf(id);
    return frame.right - frame.left;
  }

  function placeLabel(id, taken, maySpill, isTrial) {
    var row = view.paint.places[id], name = view.compounds[id].shape.name;
    var point = view.map.latLngToLayerPoint(anchorOf(id)), frame = frameOf(id);
    var forms = labelForms(name, row ? row[1] : "", roomOf(id), view.chips[id]);
    if (maySpill && !isPoint(id)) {
      forms.sort(function (a, b) { return a.wide - b.wide || a.high - b.high; });
    }
    for (var f = 0; f < forms.length; f += 1) {
      var shifts = isPoint(id) ? besidePoint(forms[f]) : aroundMiddle(forms[f]);
      for (var s = 0; s < shifts.length; s += 1) {
        var spot = L.point(point.x + shifts[s][0], point.y + shifts[s][1]);
        var box = boxAround(spot, forms[f].wide + 2, forms[f].high);
        if (!maySpill && !holds(frame, box)) continue;
        if (collides(box, taken)) continue;
        if (isTrial) return true;
        taken.push(box);
        showLabel(spot, forms[f], id === view.paint.selected);
        return true;
      }
    }
    return false;
  }

  /* Where there is no room at all, the name stands nearby, tied to its place by a line. */
  function placeAside(id, taken) {
    var late = (view.chips[id] || []).filter(isLate);
    var form = labelForms(view.compounds[id].shape.name, "", 0, late).pop();
    var point = view.map.latLngToLayerPoint(anchorOf(id));
    for (var far = 32; far <= 128; far += 12) {
      for (var turn = 0; turn < 16; turn += 1) {
        var spot = L.point(point.x + far * Math.cos(turn * Math.PI / 8),
          point.y + far * Math.sin(turn * Math.PI / 8));
        var box = boxAround(spot, form.wide + 2, form.high);
        if (collides(box, taken)) continue;
        taken.push(box);
        L.polyline([anchorOf(id), view.map.layerPointToLatLng(spot)], {
          pane: "sq-hotspots", interactive: false, color: INK, weight: 1,
        }).addTo(view.labels);
        showLabel(spot, form, id === view.paint.selected);
        return;
      }
    }
  }

  function besidePoint(form) {
    return [[0, form.high / 2 + 9], [0, -form.high / 2 - 9]];
  }

  function aroundMiddle(form) {
    var up = form.high / 3, shifts = [];
    [0, -5, 5, -16, 16, -34, 34].forEach(function (dx) {
      [0, -up, up, -2 * up, 2 * up].forEach(function (dy) { shifts.push([dx, dy]); });
    });
    return shifts.sort(function (a, b) {
      return Math.hypot(a[0], a[1]) - Math.hypot(b[0], b[1]);
    });
  }

  function holds(frame, box) {
    return box.left >= frame.left && box.right <= frame.right
      && box.top >= frame.top && box.bottom <= frame.bottom;
  }

  /* Ways to write a label, best first: with its figure, in two lines, small, without figure.
     Signs of organizations stand below it; where they do not fit, only those that need care. */
  function labelForms(name, value, room, chips) {
    var halves = halve(name), forms = [];
    var sizes = view.map.getSize().x < 500 ? [13, 12, 11] : [15, 13, 12];
    var sets = [chips || []];
    if (chips) {
      sets.push(chips.filter(function (chip) { return CALM.indexOf(chip.look) < 0; }));
      /* What is late is never left out. */
      sets.push(chips.filter(isLate));
    }
    function add(lines, size, figure, shown) {
      var columns = Math.max(3, Math.min(7, Math.floor(room / CHIP), shown.length));
      var rows = Math.ceil(shown.length / columns);
      var wides = lines.map(function (line) { return widthOf(line, size, 600); });
      if (figure) wides.push(widthOf(figure, size - 1, 400));
      if (rows) wides.push(Math.min(columns, shown.length) * CHIP);
      var wide = Math.max.apply(null, wides);
      forms.push({
        lines: lines, size: size, figure: figure, chips: shown, columns: columns, wide: wide,
        high: (lines.length + (figure ? 1 : 0)) * (size + 4) + rows * CHIP,
      });
    }
    sets.forEach(function (shown) {
      sizes.forEach(function (size) {
        [chips ? "" : value, ""].forEach(function (figure) {
          add([name], size, figure, shown);
          if (halves) add(halves, size, figure, shown);
        });
      });
    });
    return forms;
  }

  function isLate(chip) {
    return chip.look === "act-late";
  }

  /* A name in two lines, broken as near its middle as can be, never inside a number or a Latin
     word; null where there is no such place. */
  function halve(name) {
    var best = null, middle = name.length / 2;
    for (var at = 1; at < name.length; at += 1) {
      var isInside = /[0-9A-Za-z]/.test(name[at - 1]) && /[0-9A-Za-z'.]/.test(name[at]);
      if (isInside || name.length <= 4) continue;
      if (best === null || Math.abs(at - middle) <= Math.abs(best - middle)) best = at;
    }
    return best === null ? null : [name.slice(0, best).trim(), name.slice(best).trim()];
  }

  function showLabel(spot, form, isChosen) {
    var box = element("div", "sq-label" + (isChosen ? " sq-chosen" : ""));
    box.style.fontSize = form.size + "px";
    form.lines.forEach(function (line) { box.appendChild(element("b", "", line)); });
    if (form.figure) box.appendChild(element("span", "", form.figure));
    if (form.chips.length) {
      var rack = element("div", "sq-rack");
      rack.style.width = Math.min(form.columns, form.chips.length) * CHIP + "px";
      form.chips.forEach(function (chip) { rack.appendChild(makeChip(chip)); });
      box.appendChild(rack);
    }
    putText(spot, box);
  }

  function putText(spot, box) {
    L.marker(view.map.layerPointToLatLng(spot), {
      pane: "sq-labels", interactive: false, keyboard: false,
      icon: L.divIcon({ className: "sq-anchor", html: box, iconSize: [0, 0] }),
    }).addTo(view.labels);
  }

  function labelRoads(taken) {
    (view.shapes.levels.road || []).forEach(function (road) {
      if (!road.name) return;
      var best = longestStretch(road.geometry), wide = widthOf(road.name, 13, 400) + 12;
      if (!best || best.length < wide) return;
      var turn = Math.atan2(best.dy, best.dx);
      if (turn > Math.PI / 2) turn -= Math.PI;
      if (turn < -Math.PI / 2) turn += Math.PI;
      var box = boxAround(best.middle,
        Math.abs(Math.cos(turn)) * wide + Math.abs(Math.sin(turn)) * 16,
        Math.abs(Math.sin(turn)) * wide + Math.abs(Math.cos(turn)) * 16);
      if (collides(box, taken)) return;
      taken.push(box);
      var node = element("div", "sq-road", road.name);
      node.style.transform = "translate(-50%,-50%) rotate(" + turn.toFixed(3) + "rad)";
      putText(best.middle, node);
    });
  }

  function longestStretch(geometry) {
    var lines = geometry.type === "LineString" ? [geometry.coordinates]
      : geometry.type === "MultiLineString" ? geometry.coordinates : [];
    var frame = view.map.getPixelBounds().getSize(), corner = view.map.containerPointToLayerPoint([0, 0]);
    var best = null;
    lines.forEach(function (line) {
      for (var at = 1; at < line.length; at += 1) {
        var a = view.map.latLngToLayerPoint([line[at - 1][1], line[at - 1][0]]);
        var b = view.map.latLngToLayerPoint([line[at][1], line[at][0]]);
        var middle = L.point((a.x + b.x) / 2, (a.y + b.y) / 2), length = a.distanceTo(b);
        var isSeen = middle.x > corner.x && middle.y > corner.y
          && middle.x < corner.x + frame.x && middle.y < corner.y + frame.y;
        if (isSeen && (!best || length > best.length)) {
          best = { middle: middle, length: length, dx: b.x - a.x, dy: b.y - a.y };
        }
      }
    });
    return best;
  }

  function labelAreas(taken, level, className) {
    var frame = view.map.getBounds();
    (view.shapes.levels[level] || []).forEach(function (area) {
      if (!area.name || !area.label) return;
      var where = [area.label[1], area.label[0]];
      if (!frame.contains(where)) return;
      var spot = view.map.latLngToLayerPoint(where);
      var box = boxAround(spot, widthOf(area.name, 14, 600) + 4, 18);
      if (collides(box, taken)) return;
      taken.push(box);
      putText(spot, element("div", className, area.name));
    });
  }

  function widthOf(text, size, weight) {
    pen.font = weight + " " + size + "px " + FAMILY;
    return pen.measureText(text).width;
  }

  function boxAround(point, wide, high) {
    return { left: point.x - wide / 2, right: point.x + wide / 2,
             top: point.y - high / 2, bottom: point.y + high / 2 };
  }

  function collides(box, taken) {
    return taken.some(function (other) {
      return box.left < other.right && box.right > other.left
        && box.top < other.bottom && box.bottom > other.top;
    });
  }

  window.shequ = { open: open, paint: paint, view: view };
})();
