"""What an operator does at the screen: offered by menus, asked in dialogs, sent as messages."""
