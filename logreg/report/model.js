"use strict";

// What the page of a model and the tutorial's page have in common: the numbers of a model, softmax,
// and the colours of weights.

function bytesOf(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// The numbers of an array that Python has written, as an array of that kind.
function decode(base64, Kind = Float32Array) {
  return new Kind(bytesOf(base64).buffer);
}

function softmax(z) {
  const p = z.slice();
  let top = z[0], sum = 0;
  for (let k = 1; k < p.length; k++) top = Math.max(top, z[k]);
  for (let k = 0; k < p.length; k++) sum += p[k] = Math.exp(z[k] - top);
  for (let k = 0; k < p.length; k++) p[k] /= sum;
  return p;
}

function argmax(values) {
  return values.indexOf(Math.max(...values));
}

function largest(values) {
  return values.reduce((top, value) => Math.max(top, Math.abs(value)), 0) || 1;
}

// ---- Colours, as a canvas has them in a little-endian machine ----

// 256 colours from the first to the last of these.
function palette(...colours) {
  const stops = colours.map((colour) => parseInt(colour, 16));
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    const [red, green, blue] = [16, 8, 0].map((shift) => {
      const [from, to] = [stops[low], stops[low + 1]].map((stop) => (stop >> shift) & 255);
      return Math.round(from + (to - from) * (at - low));
    });
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  });
}

// Blue against, white nothing, red for.
const SIGNED = palette("053061", "4393c3", "f7f7f7", "d6604d", "67001f");
const GREYS = palette("000000", "ffffff");

function paint(canvas, width, height, colour) {
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colour(i);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// value(i) is that of pixel i; the colours end at -top and top.
function paintSigned(canvas, width, height, value, top) {
  paint(canvas, width, height, (i) => {
    const share = Math.min(Math.max(value(i) / top, -1), 1);
    return SIGNED[Math.round(127.5 + 127.5 * share)];
  });
}
