"""The Web API's methods as tables: arguments, tiers, scopes.

Refuses to know how a method works; written by hand from docs.slack.dev/reference/methods, and
compared with a machine-readable list where one is at hand.
"""

_SHOWN = "text blocks attachments markdown_text metadata link_names parse as_user"
_DRESSED = _SHOWN + " thread_ts username icon_emoji icon_url"
_POST = _DRESSED + " client_msg_id reply_broadcast mrkdwn unfurl_links unfurl_media"
_PAGE = "cursor include_all_metadata inclusive latest limit oldest"
ARGUMENTS: dict[str, tuple[str, str]] = {  # method -> (required, optional)
    "auth.test": ("", ""),
    "apps.connections.open": ("", ""),
    "team.info": ("", "team domain"),
    "chat.postMessage": ("channel", _POST),
    "chat.update": (
        "channel ts",
        _SHOWN + " reply_broadcast file_ids",
    ),
    "chat.delete": ("channel ts", "as_user"),
    "chat.postEphemeral": ("channel user", _DRESSED),
    "conversations.open": ("", "users channel return_im prevent_creation"),
    "conversations.history": ("channel", _PAGE),
    "conversations.replies": ("channel ts", _PAGE),
    "conversations.info": ("channel", "include_locale include_num_members"),
    "views.open": ("view", "trigger_id interactivity_pointer"),
    "views.push": ("view", "trigger_id interactivity_pointer"),
    "views.update": ("view", "view_id external_id hash"),
    "views.publish": ("user_id view", "hash interactivity_pointer"),
    "users.info": ("user", "include_locale"),
    "users.lookupByEmail": ("email", ""),
    "files.getUploadURLExternal": ("filename length", "alt_txt snippet_type"),
    "files.completeUploadExternal": (
        "files",
        "channel_id channels initial_comment thread_ts blocks username icon_emoji icon_url",
    ),
    "files.delete": ("file", ""),
    "reactions.add": ("channel name timestamp", ""),
}
TIERS: dict[str, int] = {  # calls a minute
    "conversations.open": 50,
    "conversations.history": 50,
    "conversations.replies": 50,
    "conversations.info": 50,
    "users.lookupByEmail": 50,
    "chat.update": 50,
    "chat.delete": 50,
    "reactions.add": 50,
    "team.info": 50,
    "users.info": 100,
    "views.open": 100,
    "views.push": 100,
    "views.update": 100,
    "views.publish": 100,
    "chat.postEphemeral": 100,
    "files.getUploadURLExternal": 100,
    "files.completeUploadExternal": 100,
    "files.delete": 50,
}
SCOPES: dict[str, str] = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "conversations.open": "im:write",
    "users.info": "users:read",
    "users.lookupByEmail": "users:read.email",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "files.delete": "files:write",
    "reactions.add": "reactions:write",
    "team.info": "team:read",
}
READ_SCOPES = {"D": "im:history", "C": "channels:history", "G": "groups:history"}
INFO_SCOPES = {"D": "im:read", "C": "channels:read", "G": "groups:read"}
DEFAULT_SCOPES = (
    "chat:write im:write im:history commands users:read users:read.email files:write"
    " app_mentions:read channels:read channels:history groups:history metadata.message:read"
)
