// Which video codec is offered.

const MIME_TYPES = { vp8: "video/VP8", vp9: "video/VP9", h264: "video/H264", h265: "video/H265", av1: "video/AV1" };
const REPAIR = ["video/rtx"];

/** For setCodecPreferences: only `name` and what repairs losses. Null: no wish. Throws if this browser lacks it. */
export function codecsFor(name) {
  if (!name) return null;
  const mime = MIME_TYPES[name.toLowerCase()];
  const can = (kind) => kind.getCapabilities("video")?.codecs ?? [];
  const wanted = can(RTCRtpReceiver).filter((codec) => codec.mimeType === mime);
  if (!wanted.length || !can(RTCRtpSender).some((codec) => codec.mimeType === mime)) {
    throw new Error(`This browser cannot send ${name.toUpperCase()}. Remove “codec” from the address.`);
  }
  return [...wanted, ...can(RTCRtpReceiver).filter((codec) => REPAIR.includes(codec.mimeType))];
}
