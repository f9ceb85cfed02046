// SPDX-License-Identifier: Apache-2.0
// What thunderbird.py asks for, as functions of an object; runs inside Thunderbird, in chrome.
// The caller puts `args` before this and a call behind it.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const win = Services.wm.getMostRecentWindow("mail:3pane");
const flag = Ci.nsMsgFolderFlags;
const server = MailServices.accounts.accounts.map(a => a.incomingServer).find(s => s.type == "imap");
const root = server.rootFolder;
const inbox = root.getFolderWithFlags(flag.Inbox);
const folder = name => root.descendants.find(f => f.name == name);
const headers = f => Array.from(f.messages);
const header = (f, subject) => headers(f).find(h => h.mime2DecodedSubject == subject);

async function until(what, test, ms = 20000) {
	const end = Date.now() + ms;
	for (;;) {
		const value = test();
		if (value) {
			return value;
		}
		if (Date.now() > end) {
			throw new Error("not in time: " + what);
		}
		await new Promise(done => win.setTimeout(done, 20));
	}
}

class Listener {
	QueryInterface = ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]);
	constructor() {
		this.done = new Promise((yes, no) => {
			this.end = status => Components.isSuccessCode(status) ? yes(true)
				: no(new Error("status " + status.toString(16)));
		});
	}
	OnStartRunningUrl() {}
	OnStopRunningUrl(url, status) { this.end(status); }
	onStartCopy() {}
	onProgress() {}
	setMessageKey() {}
	getMessageId() { return null; }
	onStopCopy(status) { this.end(status); }
}

function update(f) {
	f.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(win.msgWindow, null);
}

const steps = {
	async set_up(user, password) {
		const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
		login.init("imap://localhost", null, "imap://localhost", user, password, "", "");
		const known = await Services.logins.searchLoginsAsync({ origin: "imap://localhost" });
		if (known.length == 0) {
			await Services.logins.addLoginAsync(login);
		}
		update(inbox);
		await until("folders", () => folder("Drafts") && folder("Trash"));
		const special = { Drafts: flag.Drafts, Sent: flag.SentMail, Junk: flag.Junk,
			Trash: flag.Trash, Archive: flag.Archive };
		return Object.keys(special).filter(n => folder(n)?.getFlag(special[n]));
	},
	async list(count) {
		await until("messages", () => headers(inbox).length == count);
		return headers(inbox).map(h => h.mime2DecodedSubject);
	},
	async read(subject, text) {
		const tabmail = win.document.getElementById("tabmail");
		const pane = tabmail.currentAbout3Pane;
		pane.displayFolder(inbox.URI);
		const view = await until("view", () => pane.gDBView?.rowCount > 0 && pane.gDBView);
		const at = view.findIndexOfMsgHdr(header(inbox, subject), true);
		pane.threadTree.selectedIndex = at;
		return until("the text", () => {
			const shown = pane.messageBrowser?.contentWindow?.getMessagePaneBrowser()
				?.contentDocument?.body?.textContent || "";
			return shown.includes(text) && shown.trim();
		});
	},
	async mark(subject) {
		const h = header(inbox, subject);
		inbox.markMessagesFlagged([h], true);
		inbox.addKeywordsToMessages([h], "$label1");
		return h.isFlagged;
	},
	async move(subject, to) {
		MailServices.copy.copyMessages(inbox, [header(inbox, subject)], folder(to), true, null,
			win.msgWindow, false);
		await until("it away", () => !header(inbox, subject));
		update(folder(to));
		await until("it there", () => header(folder(to), subject));
		return true;
	},
	async search(where, text) {
		const session = Cc["@mozilla.org/messenger/searchSession;1"]
			.createInstance(Ci.nsIMsgSearchSession);
		const term = session.createTerm();
		term.attrib = Ci.nsMsgSearchAttrib[where];
		term.op = Ci.nsMsgSearchOp.Contains;
		const value = term.value;
		value.attrib = term.attrib;
		value.str = text;
		term.value = value;
		session.appendTerm(term);
		session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, inbox);
		const hits = [];
		await new Promise((yes, no) => {
			session.registerListener({
				onSearchHit(h) { hits.push(h.mime2DecodedSubject); },
				onSearchDone(status) {
					Components.isSuccessCode(status) ? yes() : no(new Error("search " + status));
				},
				onNewSearch() {},
			}, Ci.nsIMsgSearchSession.allNotifications);
			session.search(win.msgWindow);
		});
		return hits;
	},
	async make_folder(name) {
		root.createSubfolder(name, win.msgWindow);
		await until("the folder", () => folder(name));
		return true;
	},
	async append(path, to) {
		const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
		file.initWithPath(path);
		const listener = new Listener();
		MailServices.copy.copyFileMessage(file, folder(to), null, false,
			Ci.nsMsgMessageFlags.Read, "", listener, win.msgWindow);
		return listener.done;
	},
	async arrives(subject) {
		await until("a new message by IDLE", () => header(inbox, subject));
		return Date.now();
	},
	async changes(subject) {
		await until("a flag by IDLE", () => header(inbox, subject)?.isFlagged);
		return Date.now();
	},
	async goes(subject) {
		await until("an expunge by IDLE", () => !header(inbox, subject));
		return Date.now();
	},
	async remove(subject) {
		inbox.deleteMessages([header(inbox, subject)], win.msgWindow, false, true, null, false);
		await until("it away", () => !header(inbox, subject));
		const trash = root.getFolderWithFlags(flag.Trash);
		update(trash);
		await until("it in the trash", () => header(trash, subject));
		trash.emptyTrash(null);
		await until("an empty trash", () => headers(trash).length == 0);
		return true;
	},
	async quit() {
		win.setTimeout(() => Services.startup.quit(Ci.nsIAppStartup.eForceQuit), 50);
		return true;
	},
};
