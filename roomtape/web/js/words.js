// Sentences that more than one page says.

export const WORDS = {
  insecure:
    "Browsers give camera and encryption only to pages on localhost or https: " +
    "open this page as http://localhost, or start the server with --tls.",
  wrongPassword: "The password is wrong: it is not the one of this room. Ask who invited you.",
  otherPassword: "Wrong password, yours or somebody else’s: another member of this room cannot be understood.",
  full: "The room is full.",
};
